// What the size and the posture of a body say of a file: its unit and its upward axis, as tfpose/formats/body.py finds
// them.

import { combined, distance, median } from './values.js'

const MOST = 2000 // frames that are looked at

/**
 * The joints of a rig by name in some frames, for the functions below: joint -> `[T * 3]`.
 *
 * @param values `[T * J * 3]`
 */
export function joints(values, rig) {
  const count = rig.joints.length
  const frames = values.length / 3 / count
  const step = Math.max(Math.floor(frames / MOST), 1)
  const some = new Float64Array(3 * count * Math.ceil(frames / step))
  for (let t = 0; t < frames; t += step) {
    some.set(values.subarray(3 * count * t, 3 * count * (t + 1)), (3 * count * t) / step)
  }
  const rules = { ...rig.derived, ...Object.fromEntries(rig.joints.map((joint, at) => [joint, [[at, 1]]])) }
  return (joint) => rules[joint] && combined(some, count, [rules[joint]])
}

/**
 * Metres per unit, `[unit, sentence]`; the sentence says what was found out where it is not the usual unit.
 *
 * @param height of the poses from end to end, for those whose bones are those of no body
 */
export function findUnit(joint, height, given, usual, { bones, units, sizes, bearable, heights }) {
  const size = sizeOf(joint, bones)
  const fits = (unit, [least, most], whole = size) => whole * unit >= least && whole * unit <= most
  if (size === null) {
    if (given !== undefined || Number.isNaN(height) || fits(usual, heights, height)) return [given ?? usual, '']
    throw new Error(`its poses are ${(height * usual).toPrecision(3)} m large, which is no person`)
  }
  if (given !== undefined) {
    if (fits(given, bearable)) return [given, '']
    throw new Error(`in its unit of ${given} m the bones are ${(size * given).toPrecision(3)} times a grown person's`)
  }
  if (fits(usual, sizes)) return [usual, '']
  const off = ([unit]) => Math.abs(Math.log(size * unit))
  const [unit, name] = units.reduce((best, other) => (off(other) < off(best) ? other : best))
  if (fits(unit, sizes)) return [unit, `taken to be in ${name}, by the length of its bones`]
  return [1 / size, 'its bones fit no unit of length; taken to be of a person of 1.75 m']
}

/** How many units a grown person's metre is; null where the bones are those of no body. */
function sizeOf(joint, bones) {
  const [sizes, spreads, uneven] = [[], [], []]
  for (const [parent, child, usual] of bones) {
    const pair = []
    for (const side of ['left', 'right']) {
      const ends = [parent, child].map((end) => joint(`${end}_${side}`))
      if (!ends.every(Boolean)) continue
      const lengths = Float64Array.from({ length: ends[0].length / 3 }, (_, t) => distance(ends[0], t, ends[1], t))
      const length = median(lengths)
      if (!(length > 0)) continue
      pair.push(length)
      sizes.push(length / usual)
      spreads.push(median(lengths.map((other) => Math.abs(other - length))) / length)
    }
    if (pair.length === 2) uneven.push(Math.max(...pair) / Math.min(...pair))
  }
  // Bones of a body keep their length, are alike on both sides, and have a body's proportions.
  const some = sizes.length >= 4 && uneven.length && median(spreads) <= 0.15
  return some && Math.max(...uneven) <= 1.35 && Math.max(...sizes) <= 1.8 * Math.min(...sizes) ? median(sizes) : null
}

/** How large the poses that lack no joint are from end to end. */
export function heightOf(values, count) {
  const frames = Array.from({ length: values.length / 3 / count }, (_, t) =>
    values.subarray(3 * t * count, 3 * (t + 1) * count),
  )
  return median(
    frames.map((frame) => {
      const sides = [0, 1, 2].map((axis) => frame.filter((_, i) => i % 3 === axis))
      return Math.max(...sides.map((side) => Math.max(...side) - Math.min(...side)))
    }),
  )
}

/**
 * The upward axis, `[up, sentence]`: where the upper body is above the feet in nearly all frames; or above the hips,
 * where no feet are seen.
 */
export function findUp(joint, usual) {
  const [feet, hips] = ['ankle', 'hip'].map((below) => upwardFrom(joint, below))
  const [upward, called] = feet.length ? [feet, 'feet'] : [hips, 'hips']
  const middle = [0, 1, 2].map((axis) => median(upward.map((way) => way[axis])))
  const axis = [0, 1, 2].reduce((best, other) => (Math.abs(middle[other]) > Math.abs(middle[best]) ? other : best))
  const found = (middle[axis] > 0 ? '' : '-') + 'xyz'[axis]
  const clear = upward.filter((way) => way[axis] * Math.sign(middle[axis]) > 0.75).length > 0.9 * upward.length
  return clear && found !== usual
    ? [found, `taken to have ${found} up, because the ${called} are below the head`]
    : [usual, '']
}

/** Directions from a joint of both sides to head and shoulders, in the frames where all are seen. */
function upwardFrom(joint, below) {
  const tops = ['head', 'shoulder_left', 'shoulder_right'].map(joint).filter(Boolean)
  const ends = [`${below}_left`, `${below}_right`].map(joint).filter(Boolean)
  if (!tops.length || ends.length < 2) return []
  const mean = (parts, i) => parts.reduce((sum, part) => sum + part[i], 0) / parts.length
  return Array.from({ length: ends[0].length / 3 }, (_, t) => {
    const way = [0, 1, 2].map((axis) => mean(tops, 3 * t + axis) - mean(ends, 3 * t + axis))
    return way.map((value) => value / Math.hypot(...way))
  }).filter((way) => way.every(Number.isFinite))
}

/**
 * Of skeletons with as many joints the one whose bones keep their length in `values` and are alike on both sides;
 * undefined where two fit as well.
 */
export function fittingOf(values, skeletons) {
  const scores = skeletons.map((skeleton) => ({ skeleton, ...misfit(values, skeleton) }))
  const [best, next] = scores.sort((one, other) => one.score - other.score)
  const clear = !next || (best.score < 0.7 * next.score && best.unlike < 0.2)
  return clear ? best?.skeleton : undefined
}

/** How badly a skeleton fits; and how much bones change their length and sides differ, relative to the lengths. */
function misfit(values, { parents, mirror }) {
  const count = parents.length
  const frames = values.length / 3 / count
  const step = Math.max(Math.floor(frames / 200), 1)
  const length = (t, j) => (parents[j] < 0 ? 0 : distance(values, t * count + j, values, t * count + parents[j]))
  const lengths = Array.from({ length: Math.ceil(frames / step) }, (_, n) => parents.map((_, j) => length(n * step, j)))
  const whole = lengths.filter((bones) => bones.every(Number.isFinite))
  if (!whole.length) return { score: Infinity, unlike: Infinity }
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)
  const middle = parents.map((_, j) => median(whole.map((bones) => bones[j])))
  const changes = parents.map((_, j) => median(whole.map((bones) => Math.abs(bones[j] - middle[j]))))
  const image = (joint) => mirror.flatMap(([l, r]) => (l === joint ? [r] : r === joint ? [l] : []))[0] ?? joint
  const pairs = mirror.filter(([left, right]) => parents[right] === image(parents[left]))
  const uneven = pairs.map(([l, r]) => Math.abs(middle[l] - middle[r]) / Math.max(middle[l] + middle[r], 1e-9))
  const unlike = sum(changes) / Math.max(sum(middle), 1e-9) + sum(uneven) / uneven.length
  // Of two trees over the same points the one with shorter bones is the body.
  return { score: (unlike + 0.02) * sum(middle), unlike }
}

/**
 * Makes joints of `values` that are exactly zero NaN, unless the zero is where the file is centred: one joint at zero
 * in most of the frames that have anybody. Gives how many there were.
 */
export function zerosAsMissing(values, count) {
  const frames = values.length / 3 / count
  const zero = (t, j) => [0, 1, 2].every((axis) => values[3 * (t * count + j) + axis] === 0)
  const there = (t, j) => !Number.isNaN(values[3 * (t * count + j)]) && !zero(t, j)
  const all = Array.from({ length: count }, (_, j) => j)
  const somebody = Array.from({ length: frames }, (_, t) => t).filter((t) => all.some((j) => there(t, j)))
  const centres = all.filter((j) => 2 * somebody.filter((t) => zero(t, j)).length > somebody.length)
  const centre = centres.length === 1 ? centres[0] : -1
  let missing = 0
  for (let t = 0; t < frames; t++) {
    const present = all.some((j) => there(t, j))
    for (const j of all) {
      if (!zero(t, j) || (j === centre && present)) continue
      values.fill(NaN, 3 * (t * count + j), 3 * (t * count + j + 1))
      missing++
    }
  }
  return missing
}
