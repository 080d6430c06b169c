// The joints of any rig, after a model has corrected those that it knows, as tfpose/formats/correction.py moves them.

import { Vector3 } from 'three'

import { shortestTurn } from './turns.js'
import { distance, median } from './values.js'

/**
 * The joints of a rig, moved as the model moved its own.
 *
 * - A joint that the model has comes from the model; one that was clean stays where it hardly moves.
 * - A joint that one of the model's is made from, such as an ear of the head, moves as that one does.
 * - A joint between two of these moves as they do, by its distances to them.
 * - A joint that hangs on one of these moves rigidly with the bone that ends there, unless it fits better if it stays.
 * - What is above the topmost of these, such as a joint of root motion, stays.
 *
 * @param positions `[T * J * 3]` metres
 * @param observed `[T * K * 3]`, the model's joints before
 * @param cleaned `[T * K * 3]`, the model's joints after
 * @param rig of `skeletonOf`
 * @param rules of `rulesOf`, how the model's joints are made of the rig's
 * @param parents of the model's joints
 * @returns `[T * J * 3]`; what did not move is equal to `positions`
 */
export function corrected(positions, observed, cleaned, rig, rules, parents, { unchanged, far }) {
  const [count, models, result] = [rig.joints.length, rules.length, positions.slice()]
  const frames = Array.from({ length: positions.length / 3 / count }, (_, t) => t)
  const step = (t, k) => distance(cleaned, t * models + k, observed, t * models + k)
  const clean = rules.map((_, k) => 2 * frames.filter((t) => step(t, k) < unchanged).length > frames.length)
  const place = (values, t, j, joints = count) => new Vector3().fromArray(values, 3 * (t * joints + j))
  const put = (t, j, vector) => vector.toArray(result, 3 * (t * count + j))
  const add = (t, j, shift) => put(t, j, place(result, t, j).add(isThere(shift) ? shift : new Vector3()))
  const shiftOf = (t, j) => place(result, t, j).sub(place(positions, t, j))

  const known = new Map() // joint of the rig -> the model's joint that says where it is
  for (let j = 0; j < count; j++) {
    const weight = (k) => rules[k].find(([part]) => part === j)?.[1] ?? 0
    const best = rules.reduce((best, _, k) => (weight(k) > weight(best) ? k : best), 0)
    if (!weight(best)) continue
    known.set(j, best)
    for (const t of frames) {
      const moved = step(t, best)
      if (moved === 0 || (clean[best] && moved < unchanged)) continue
      const after = place(cleaned, t, best, models)
      if (weight(best) > 0.999) put(t, j, after)
      else add(t, j, after.sub(place(observed, t, best, models)))
    }
  }

  const children = rig.joints.map((_, j) => rig.parents.flatMap((parent, child) => (parent === j ? [child] : [])))
  const order = [rig.parents.indexOf(-1)]
  for (const j of order) order.push(...children[j])
  for (const j of order) {
    if (known.has(j)) continue
    const [above, below] = [nearestAbove(rig.parents, j, known), nearestBelow(children, j, known)]
    if (above === undefined) {
      if (below === undefined || isRootMotion(rig.parents, children, j)) continue
      for (const t of frames) add(t, j, shiftOf(t, below))
    } else if (below !== undefined) {
      for (const t of frames) {
        const [up, down] = [above, below].map((end) => distance(positions, t * count + j, positions, t * count + end))
        const share = up / Math.max(up + down, 1e-9)
        add(
          t,
          j,
          shiftOf(t, above)
            .multiplyScalar(1 - share)
            .addScaledVector(shiftOf(t, below), share),
        )
      }
    } else {
      const [end, parent] = [known.get(above), parents[known.get(above)]]
      const usual = median(frames.map((t) => distance(positions, t * count + j, positions, t * count + above)))
      const bone = (values, t) => place(values, t, end, models).sub(place(values, t, parent, models))
      for (const t of frames) {
        const [here, before, after] = [place(positions, t, j), place(positions, t, above), place(result, t, above)]
        const offset = here.clone().sub(before)
        const turned = offset.clone()
        if (parent >= 0) turned.applyQuaternion(shortestTurn(bone(observed, t), bone(cleaned, t)))
        const [goes, stays] = [offset.length(), here.distanceTo(after)].map((length) => Math.abs(length - usual))
        const shift = after.distanceTo(before)
        // A NaN compares as false: what hangs on a missing joint stays.
        if (shift > 0 && (shift <= far || goes <= stays) && isThere(turned)) put(t, j, turned.add(after))
      }
    }
  }
  return result
}

const isThere = ({ x, y, z }) => Number.isFinite(x + y + z)

function nearestAbove(parents, joint, known) {
  let at = parents[joint]
  while (at >= 0 && !known.has(at)) at = parents[at]
  return at >= 0 ? at : undefined
}

function nearestBelow(children, joint, known) {
  const level = [...children[joint]]
  for (const j of level) {
    if (known.has(j)) return j
    level.push(...children[j])
  }
}

/** Whether only one joint hangs on it and on each one above it. */
function isRootMotion(parents, children, joint) {
  for (let at = joint; at >= 0; at = parents[at]) if (children[at].length !== 1) return false
  return true
}
