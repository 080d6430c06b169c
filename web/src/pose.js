// Poses as flat arrays of J * 3 coordinates in metres, y up; a joint with a NaN is missing.

import { distance } from './formats/values.js'

const ANKLE = 0.08 // metres above the floor

/** The three coordinates of a joint. */
export const joint = (pose, j) => pose.subarray(3 * j, 3 * j + 3)

export const isMissing = (pose, j) => Number.isNaN(pose[3 * j])

/** How far each joint of `pose` is from `other`, in metres; NaN where one of them lacks it. */
export function distances(pose, other) {
  return Float32Array.from({ length: pose.length / 3 }, (_, j) => distance(pose, j, other, j))
}

/** The mean of the distances that there are. */
export function meanDistance(pose, other) {
  const known = distances(pose, other).filter((distance) => !Number.isNaN(distance))
  return known.reduce((sum, distance) => sum + distance, 0) / known.length
}

/** The height of the floor under a pose, of which the lowest joint is an ankle. */
export const floorUnder = (pose) => Math.min(...pose.filter((y, i) => i % 3 === 1 && !Number.isNaN(y))) - ANKLE

/** `pose` with joints moved or taken away: `edits` maps joints to an offset [x, y, z], or to null for a missing one. */
export function edited(pose, edits) {
  const result = Float32Array.from(pose)
  for (const [j, offset] of edits) {
    for (let axis = 0; axis < 3; axis++) result[3 * j + axis] += offset ? offset[axis] : NaN
  }
  return result
}

/** `pose` moved by -x and -z of its root, so that whoever walks stays in the picture. */
export function centred(pose, root) {
  return pose.map((value, i) => (i % 3 === 1 ? value : value - pose[3 * root + (i % 3)]))
}

/** `pose` turned by `degrees` about the vertical through the origin, counterclockwise seen from above. */
export function turned(pose, degrees) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  const result = Float32Array.from(pose)
  for (let i = 0; i < pose.length; i += 3) {
    result[i] = cos * pose[i] + sin * pose[i + 2]
    result[i + 2] = cos * pose[i + 2] - sin * pose[i]
  }
  return result
}

/**
 * A view code `[3 * 3]` in degrees. Its rows are the left, up and forward directions of the frame in which the network
 * sees a body: how far it is turned from +z, and tilted. This may be some degrees from where the body faces.
 */
export function angles(viewCode) {
  const [x, , z] = viewCode.subarray(6)
  const up = Math.max(-1, Math.min(1, viewCode[4]))
  return { turned: (Math.atan2(x, z) * 180) / Math.PI, tilted: (Math.acos(up) * 180) / Math.PI }
}

/** Where a body faces, in degrees from +z: across from its right hip and shoulder to its left ones. */
export function facing(pose, skeleton) {
  let [x, z] = [0, 0]
  for (const [left, right] of skeleton.torso) {
    x += pose[3 * left] - pose[3 * right]
    z += pose[3 * left + 2] - pose[3 * right + 2]
  }
  return (Math.atan2(-z, x) * 180) / Math.PI
}
