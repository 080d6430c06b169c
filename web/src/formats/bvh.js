// Biovision hierarchy files, as tfpose/formats/bvh.py reads and writes them.

import { Euler, MathUtils, Quaternion, Vector3 } from 'three'

import { errorAt, rounded } from './text.js'
import { bestTurn } from './turns.js'

const USUAL_RATE = 30
const MET = 1e-5 // of the rig's size: nearer than this a joint is where it shall be
const AXES = { X: new Vector3(1, 0, 0), Y: new Vector3(0, 1, 0), Z: new Vector3(0, 0, 1) }

/** What a file holds; `values` are the positions of its joints in its own unit. */
export function read(text, tables) {
  const plain = text.replace(/(^|\s)(#|\/\/).*$/gm, (comment) => comment.replace(/[^\n]/g, ' '))
  const { joints, end } = parseHierarchy(plain)
  const motion = parseMotion(plain, end, joints)
  const layout = { joints, ...motion, header: text.slice(0, motion.start).trimEnd() }
  layout.hold = offsetsHold(layout)
  const all = new Float64Array(3 * joints.length * layout.frames)
  for (let t = 0; t < layout.frames; t++) {
    posed(layout, rowOf(layout, t)).places.forEach((place, j) => place.toArray(all, 3 * (t * joints.length + j)))
  }
  const names = joints.map(({ name }) => name)
  const cmu = Object.values(tables.skeletons.find(({ name }) => name === 'cmu31').native)
  const isCmu = cmu.every((name) => names.includes(name))
  layout.rest = isCmu && beginsInTPose(names, all, cmu) ? 1 : 0
  return {
    names,
    parents: joints.map(({ parent }) => parent),
    values: all.subarray(3 * joints.length * layout.rest),
    frames: layout.frames - layout.rest,
    rate: 1 / layout.frameTime,
    usualUnit: isCmu ? tables.bvh.cmu_unit : tables.bvh.unit,
    usualUp: upAtRest(joints),
    zeroIsMissing: false,
    notes: layout.rest ? ['its frame 0 is a T-pose, and is left out'] : [],
    layout,
  }
}

/**
 * The text of a file whose joints are at `targets`. Joints that are there keep their channels; for others the rotations
 * are solved from the root on, so that each bone points at the joint at its end.
 */
export function write(layout, targets) {
  const count = layout.joints.length
  const rows = Array.from({ length: layout.frames }, (_, t) => {
    if (t < layout.rest) return rowOf(layout, t).join(' ')
    const wanted = layout.joints.map((_, j) => new Vector3().fromArray(targets, 3 * ((t - layout.rest) * count + j)))
    return solved(layout, rowOf(layout, t), wanted).join(' ')
  })
  return [layout.header, ...rows, ''].join('\n')
}

const rowOf = ({ numbers, channels }, t) => numbers.subarray(t * channels, (t + 1) * channels)

/** Of each joint its rotation and its offset in its parent's frame, its rotation in the world, and its place. */
function posed({ joints, hold }, row) {
  const pose = { local: [], offsets: [], turns: [], places: [] }
  for (const { parent, offset, channels, column } of joints) {
    const [turn, shift] = [new Quaternion(), new Vector3(...offset)]
    channels.forEach(({ axis, rotates }, n) => {
      const value = row[column + n]
      if (rotates) turn.multiply(new Quaternion().setFromAxisAngle(AXES[axis], MathUtils.degToRad(value)))
      else if (parent < 0 || !hold) shift[axis.toLowerCase()] = value
    })
    pose.local.push(turn)
    pose.offsets.push(shift)
    pose.turns.push(parent < 0 ? turn : pose.turns[parent].clone().multiply(turn))
    pose.places.push(parent < 0 ? shift : placed(pose, parent, shift))
  }
  return pose
}

const placed = ({ turns, places }, parent, shift) => shift.clone().applyQuaternion(turns[parent]).add(places[parent])

/** The channels of a frame that bring its joints to the places `wanted`. */
function solved({ joints, hold }, row, wanted) {
  const [result, before] = [Float64Array.from(row), posed({ joints, hold }, row)]
  const size = Math.max(
    ...before.places.flatMap((place) => place.clone().sub(before.places[0]).toArray().map(Math.abs)),
  )
  const least = MET * Math.max(size, 1e-6)
  if (wanted.every((place, j) => place.distanceTo(before.places[j]) <= least)) return row
  const after = { offsets: [...before.offsets], turns: [], places: [] }
  joints.forEach(({ parent, channels, column }, at) => {
    const above = parent < 0 ? new Quaternion() : after.turns[parent]
    let place = parent < 0 ? before.offsets[at] : placed(after, parent, before.offsets[at])
    const moves = 'XYZ'.split('').every((name) => channels.some(({ axis, rotates }) => axis === name && !rotates))
    if (moves && (parent < 0 || !hold) && wanted[at].distanceTo(place) > least) {
      place = wanted[at]
      const offset =
        parent < 0 ? place : place.clone().sub(after.places[parent]).applyQuaternion(above.clone().invert())
      channels.forEach(({ axis, rotates }, n) => {
        const [value, old] = [offset, before.offsets[at]].map((vector) => vector[axis.toLowerCase()])
        if (!rotates && Math.abs(value - old) > least) result[column + n] = rounded(value)
      })
      after.offsets[at] = offset
    }
    after.places.push(place)
    // Where its bones point if it goes with its parent; then, if that is wrong, where they shall.
    let turn = above.clone().multiply(before.local[at])
    const driven = joints[at].children.filter((j) => after.offsets[j].length() > least)
    const offsets = driven.map((j) => after.offsets[j])
    const aims = driven.map((j, n) => wanted[j].clone().sub(place).setLength(offsets[n].length()))
    const pointing = (by) => offsets.map((offset) => offset.clone().applyQuaternion(by))
    const met = pointing(turn).every((vector, n) => vector.distanceTo(aims[n]) < 1e-4 * vector.length())
    if (!met && isFree(channels)) {
      // From the orientation that it had, so that the twist about the bone stays.
      turn = bestTurn(pointing(before.turns[at]), aims).multiply(before.turns[at])
      setAngles(result, channels, column, above.clone().invert().multiply(turn))
    }
    after.turns.push(turn)
  })
  return result
}

/** Whether a joint can be turned: about some axes, about none twice but the first one. */
function isFree(channels) {
  const axes = channels.filter(({ rotates }) => rotates).map(({ axis }) => axis)
  return axes.length > 0 && (new Set(axes).size === axes.length || isRepeated(axes.join('')))
}

/** Whether axes are one, another, and the first again. */
const isRepeated = (axes) => /^(.)(?!\1).\1$/.test(axes)

/** Degrees about axes of which the third is the first again. */
function repeatedAngles(turn, [first, second]) {
  const third = 'xyz'.replace(new RegExp(`[${first}${second}]`, 'g'), '')
  const sign = 'xyzx'.includes(first + second) ? 1 : -1
  const [sum, difference] = [Math.atan2(turn[first], turn.w), Math.atan2(sign * turn[third], turn[second])]
  const middle = 2 * Math.atan2(Math.hypot(turn[second], turn[third]), Math.hypot(turn.w, turn[first]))
  return [sum + difference, middle, sum - difference].map(MathUtils.radToDeg)
}

/** Degrees about three axes that differ. */
function distinctAngles(turn, order) {
  const euler = new Euler().setFromQuaternion(turn, order)
  return [...order.toLowerCase()].map((axis) => MathUtils.radToDeg(euler[axis]))
}

/** Writes a rotation into its channels; of the two ways to write it the one nearer to what they held. */
function setAngles(row, channels, column, turn) {
  const places = channels.flatMap(({ rotates }, n) => (rotates ? [n] : []))
  const axes = places.map((n) => channels[n].axis).join('')
  const order = axes + 'XYZ'.replace(new RegExp(`[${axes}]`, 'g'), '')
  const repeated = isRepeated(axes)
  const [a, b, c] = repeated ? repeatedAngles(turn, axes.toLowerCase()) : distinctAngles(turn, order)
  const before = places.map((n) => row[column + n])
  const near = (way) => before.map((old, n) => old + way[n] - old - 360 * Math.round((way[n] - old) / 360))
  const other = [a + 180, repeated ? -b : 180 - b, c + 180]
  const ways = [[a, b, c], ...(axes.length === 3 ? [other] : [])].map(near)
  const far = (way) => way.reduce((sum, angle, n) => sum + Math.abs(angle - before[n]), 0)
  const [best] = ways.sort((one, other) => far(one) - far(other))
  places.forEach((n, i) => (row[column + n] = rounded(best[i])))
}

/** Whether position channels below the root are there but unused: nothing but zeros, beside offsets that are not. */
function offsetsHold({ joints, numbers, channels }) {
  const moving = joints.filter((joint) => joint.parent >= 0 && joint.channels.some(({ rotates }) => !rotates))
  const columns = moving.flatMap((joint) =>
    joint.channels.flatMap(({ rotates }, n) => (rotates ? [] : [joint.column + n])),
  )
  const unused = columns.every((column) => {
    for (let i = column; i < numbers.length; i += channels) if (numbers[i] !== 0) return false
    return true
  })
  return moving.some(({ offset }) => offset.some(Boolean)) && unused
}

/** Whether a file of CMU begins with a frame that is no motion: arms spread, legs straight, and then another pose. */
function beginsInTPose(names, values, cmu) {
  if (values.length < 6 * names.length) return false
  const at = (name, t = 0) => new Vector3().fromArray(values, 3 * (t * names.length + names.indexOf(name)))
  const way = (from, to) => at(to).sub(at(from)).normalize()
  const [left, right] = ['Left', 'Right'].map((side) => way(`${side}Arm`, `${side}Hand`))
  const legs = ['Left', 'Right'].map((side) => way(`${side}UpLeg`, `${side}Foot`))
  const spread = left.dot(right) < -0.9 && legs.every((leg) => Math.abs(leg.dot(left)) < 0.2)
  const steps = cmu.map((name) =>
    at(name, 1)
      .sub(at('Hips', 1))
      .distanceTo(at(name).sub(at('Hips'))),
  )
  const step = steps.reduce((sum, value) => sum + value, 0) / steps.length
  return spread && legs[0].dot(legs[1]) > 0.95 && step > 0.05 * at('LeftUpLeg').distanceTo(at('LeftFoot'))
}

/** The axis along which the rig is tallest without any rotation, if it is the third; else y. */
function upAtRest(joints) {
  const { places } = posed({ joints: joints.map((joint) => ({ ...joint, channels: [] })) }, [])
  const find = (fits) => places[joints.findIndex(({ name }) => fits(name.toLowerCase()))]
  const [head, foot] = [find((name) => name.endsWith('head')), find((name) => name.includes('foot'))]
  if (!head || !foot) return 'y'
  const upward = head.clone().sub(foot)
  return upward.z > 2 * Math.abs(upward.y) ? 'z' : 'y'
}

// --- parsing

class Words {
  #pattern = /[{}]|[^\s{}]+/g

  constructor(text) {
    this.text = text
  }

  get end() {
    return this.#pattern.lastIndex
  }

  next() {
    const found = this.#pattern.exec(this.text)
    if (!found) throw new Error('it ends within its HIERARCHY; it may be cut off')
    this.at = found.index
    return found[0]
  }

  number() {
    const word = this.next()
    const value = Number(word.replace(',', '.'))
    if (!Number.isFinite(value)) throw this.error(`'${word.slice(0, 40)}' is not a number`)
    return value
  }

  error(what) {
    return errorAt(this.text, this.at, what)
  }
}

/** The joints, parents first, and where their part of the file ends. */
function parseHierarchy(text) {
  const words = new Words(text)
  if (!/^\s*HIERARCHY\b/i.test(text)) throw new Error('not a BVH file: it does not begin with HIERARCHY')
  words.next()
  const [joints, stack] = [[], []] // the open joints; -1 is an open End Site
  let column = 0
  for (;;) {
    const word = words.next()
    const [keyword, open] = [word.toUpperCase(), stack.at(-1)]
    if (keyword === 'ROOT' || keyword === 'JOINT') {
      if (open === -1 || joints.length > 0 !== (keyword === 'JOINT' && open >= 0)) {
        throw words.error(`${keyword} stands where none can be; one ROOT holds all joints`)
      }
      stack.push(joints.length)
      if (stack.length > 1) joints[open].children.push(joints.length)
      const name = nameOf(words, joints)
      joints.push({ name, parent: open ?? -1, children: [], offset: [0, 0, 0], channels: [], column })
    } else if ((keyword === 'END' || keyword === 'ENDSITE') && open >= 0) {
      while (words.next() !== '{');
      stack.push(-1)
    } else if (keyword === 'OFFSET' && stack.length) {
      const offset = [words.number(), words.number(), words.number()]
      if (open >= 0) joints[open].offset = offset
    } else if (keyword === 'CHANNELS' && open >= 0) {
      const length = words.number()
      if (!(length >= 0 && length < 10)) throw words.error(`${length} CHANNELS of one joint`)
      const channels = Array.from({ length }, () => channelOf(words))
      Object.assign(joints[open], { channels, column })
      column += channels.length
    } else if (keyword === '}' && stack.length) {
      stack.pop()
    } else if (keyword === 'MOTION' && joints.length && !stack.length) {
      return { joints, end: words.end }
    } else {
      throw words.error(`unexpected '${word.slice(0, 40)}' in its HIERARCHY`)
    }
  }
}

/** A joint's name: it may hold spaces, and runs up to the brace. */
function nameOf(words, joints) {
  const parts = []
  for (let word; (word = words.next()) !== '{';) parts.push(word)
  const name = parts.join(' ').replace(/^["' ]+|["' ]+$/g, '')
  if (!name || joints.some((joint) => joint.name === name)) throw words.error('a joint without a name of its own')
  return name
}

function channelOf(words) {
  const word = words.next()
  const found = /^([XYZ])(pos|rot)\w*$/i.exec(word)
  if (!found) throw words.error(`unknown channel '${word.slice(0, 40)}'`)
  return { axis: found[1].toUpperCase(), rotates: found[2].toLowerCase() === 'rot' }
}

/** Seconds per frame, and the numbers of all channels. */
function parseMotion(text, at, joints) {
  const field = (pattern) => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (!found) return undefined
    at = pattern.lastIndex
    const value = Number(found[1].replace(',', '.'))
    if (!(value >= 0)) throw errorAt(text, at, `'${found[1].slice(0, 40)}' is not a number`)
    return value
  }
  const frameCount = () => field(/\s*Frames\s*:?\s*(\S+)/iy)
  const first = frameCount()
  const frameTime = field(/\s*Frame\s*Time\s*:?\s*(\S+)/iy) ?? 1 / USUAL_RATE
  const said = first ?? frameCount()
  if (!(frameTime > 0)) throw new Error('its Frame Time must be positive')
  const channels = joints.reduce((sum, joint) => sum + joint.channels.length, 0)
  const numbers = numbersOf(text, at, channels)
  const frames = channels && Math.floor(numbers.length / channels)
  const lacks = said > frames && (said - frames > 1 || numbers.length % channels)
  if (!frames || lacks || (said === undefined && numbers.length % channels)) {
    throw new Error(
      `expected ${said ?? 'whole'} frames of ${channels} numbers, found ${numbers.length} numbers; it may be cut off`,
    )
  }
  return { start: at, frames, frameTime, channels, numbers: numbers.subarray(0, frames * channels) }
}

function numbersOf(text, at, channels) {
  const body = text.slice(at)
  const comma = body.includes('.') ? ' ' : '.'
  const numbers = Float64Array.from(body.replaceAll(',', comma).match(/\S+/g) ?? [], Number)
  const bad = numbers.findIndex((number) => !Number.isFinite(number))
  if (bad < 0) return numbers
  // Text behind whole frames is no motion.
  const behind = bad > 0 && bad % channels === 0 && numbers.subarray(bad).every(Number.isNaN)
  if (behind && !/nan|#/i.test(body.match(/\S+/g)[bad])) return numbers.subarray(0, bad)
  const found = [...body.matchAll(comma === ' ' ? /[^\s,]+/g : /\S+/g)][bad]
  throw errorAt(text, at + found.index, `'${found[0].slice(0, 40)}' is not a number`)
}
