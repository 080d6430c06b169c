// A file as a clip of a model's joints, and the same file with these joints corrected.

import * as body from './body.js'
import * as bvh from './bvh.js'
import { corrected } from './correction.js'
import * as keypoints from './keypoints.js'
import { rulesOf, skeletonOf } from './names.js'
import { decode } from './text.js'
import * as trc from './trc.js'
import { combined } from './values.js'

const FORMATS = { bvh, trc, json: keypoints }
const USUAL_RATE = 30
const FARTHEST = 1e6 // metres: what is farther is no person

/** What files that can be read end in. */
export const ENDINGS = Object.keys(FORMATS).map((ending) => `.${ending}`)

/**
 * Reads a file. Throws an error for people where it cannot be read.
 *
 * @param name of the file; its ending says the format
 * @param bytes `Uint8Array`
 * @param skeleton of the model, see `readSkeleton`
 * @param tables of `rigs.json`
 * @returns `frames`, `rate`, the model's joints in metres as `observed` `[T * K * 3]`, their `confidence` `[T * K]`
 *   where the file has it, `notes` on what was found out, and what `writeClip` needs
 */
export function readClip(name, bytes, skeleton, tables) {
  const format = FORMATS[name.split('.').at(-1).toLowerCase()]
  if (!format) throw new Error(`only files that end in ${ENDINGS.join(', ')} can be opened`)
  const recording = format.read(decode(bytes), tables)
  const { values, frames, confidence } = recording
  const count = values.length / 3 / frames
  const zeros = recording.zeroIsMissing ? body.zerosAsMissing(values, count) : 0
  const rig = skeletonOf(recording, count, tables)
  const rules = rulesOf(rig, skeleton.names)
  if (confidence) hide(values, confidence, tables.keypoints.visibility)

  const joint = body.joints(values, rig)
  const height = body.heightOf(values, count)
  const [unit, unitNote] = body.findUnit(joint, height, recording.unit, recording.usualUnit, tables.body)
  const usualUp = recording.usualUp ?? tables.usual_up[rig.name] ?? 'y'
  const [up, upNote] = recording.up ? [recording.up, ''] : body.findUp(joint, usualUp)
  const rateNote = recording.rate > 0 ? '' : `does not say its rate; ${USUAL_RATE} frames per second are assumed`
  const zeroNote = zeros ? `${zeros} joints are exactly zero, and are taken to be missing` : ''
  const positions = toMetres(values, unit, tables.axes[up])
  if (positions.some((value) => Math.abs(value) > FARTHEST))
    throw new Error('its joints are too far away; check its unit')
  return {
    frames,
    rate: recording.rate > 0 ? recording.rate : USUAL_RATE,
    observed: combined(positions, count, rules),
    confidence: confidence && leastOf(confidence, count, rules),
    notes: [...(recording.notes ?? []), rateNote, unitNote, upNote, zeroNote].filter(Boolean),
    ...{ format, recording, rig, rules, skeleton, positions, unit, up, tables },
  }
}

/** The text of the clip's file with the model's joints at `cleaned` `[T * K * 3]`, metres; all else as it was. */
export function writeClip(clip, cleaned) {
  const { format, recording, rig, rules, skeleton, positions, observed, unit, up, tables } = clip
  const moved = corrected(positions, observed, cleaned, rig, rules, skeleton.parents, tables.correction)
  const targets = fromMetres(moved, unit, tables.axes[up])
  for (let i = 0; i < moved.length; i += 3) {
    // To the last digit what the file has.
    const same = [0, 1, 2].every((axis) => moved[i + axis] === positions[i + axis])
    if (same) targets.set(recording.values.subarray(i, i + 3), i)
  }
  return format.write(recording.layout, targets, recording.values)
}

/** Makes joints that are less certain than `least` missing. */
function hide(values, confidence, least) {
  confidence.forEach((certain, i) => {
    if (certain < least) values.fill(NaN, 3 * i, 3 * i + 3)
  })
}

/** The confidence of joints that are made of others: that of the least certain one. */
function leastOf(confidence, count, rules) {
  const result = new Float32Array((confidence.length / count) * rules.length)
  return result.map((_, i) => {
    const first = Math.floor(i / rules.length) * count
    return Math.min(...rules[i % rules.length].map(([part]) => confidence[first + part]))
  })
}

/** Values `[T * J * 3]` of a file in metres, y up. */
function toMetres(values, unit, { order, signs }) {
  return Float32Array.from(values, (_, i) => values[i - (i % 3) + order[i % 3]] * signs[i % 3] * unit)
}

/** The inverse of `toMetres`. */
function fromMetres(positions, unit, { order, signs }) {
  const result = new Float64Array(positions.length)
  positions.forEach((value, i) => (result[i - (i % 3) + order[i % 3]] = (value * signs[i % 3]) / unit))
  return result
}
