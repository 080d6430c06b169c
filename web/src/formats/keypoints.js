// JSON of trackers, as tfpose/formats/keypoints.py reads and writes it: MediaPipe's world landmarks, plain lists of
// joints `{joints, rate, unit, up, positions}`, and what looks like these. Of several people the one seen most is read.

import { rounded } from './text.js'
import { median } from './values.js'

const RATES = ['fps', 'frame_rate', 'rate', 'frameRate']
const TIMES = { timestamp_usec: 1e6, timestamp_ms: 1e3, timestampMs: 1e3, timestamp: 1 } // in a second

/** What a file holds. */
export function read(text, tables) {
  const { about, poses, certain } = find(parse(text), tables.keypoints)
  const seen = poses.filter(Boolean)
  if (!seen.length) throw new Error('it holds no poses; expected landmarks or joints with x, y and z')
  const counts = new Set(seen.map((pose) => pointsOf(pose).length))
  if (counts.size > 1) throw new Error(`it has poses of ${[...counts].slice(0, 3).join(' and of ')} joints`)
  const [count] = counts
  const values = new Float64Array(3 * count * poses.length).fill(NaN)
  const confidence = new Float32Array(count * poses.length)
  poses.forEach((pose, t) => {
    pointsOf(pose ?? {}).forEach((point, j) => {
      values.set(coordinates(point), 3 * (t * count + j))
      confidence[t * count + j] = point ? (certain[t]?.[j] ?? certainty(point)) : 0
    })
    const one = confidence.subarray(t * count, (t + 1) * count)
    if (one.some((value) => !(value >= 0 && value <= 1))) one.fill(1)
  })
  const azure = 'joint_names' in about && 'frames' in about
  return {
    names: namesOf(about, seen[0], count),
    parents: null,
    values,
    frames: poses.length,
    confidence,
    rate: rateOf(about),
    unit: typeof about.unit === 'number' ? about.unit : azure ? 0.001 : undefined,
    up: about.up in tables.axes ? about.up : azure ? '-y' : undefined,
    usualUnit: 1,
    usualUp: count === 33 ? '-y' : undefined,
    zeroIsMissing: true,
    layout: { text, keypoints: tables.keypoints },
  }
}

/** The text of a file whose joints are at `targets`; all else is as it was. */
export function write({ text, keypoints }, targets, values) {
  const document = parse(text, exact)
  const { poses, certain } = find(document, keypoints)
  const { visibility } = keypoints
  const count = targets.length / 3 / poses.length
  poses.forEach((pose, t) => {
    if (!pose) return
    const [keys, step, like] = [Object.keys(pose), stepOf(pose), Object.values(pose).find(Boolean)]
    pointsOf(pose).forEach((point, j) => {
      const at = 3 * (t * count + j)
      const target = targets.subarray(at, at + 3)
      if (target.some(Number.isNaN) || target.every((value, axis) => value === values[at + axis])) return
      const [x, y, z] = Array.from(target, rounded)
      if (step) pose.splice(step * j, 3, x, y, z)
      else if (Array.isArray(point)) point.splice(0, 3, x, y, z)
      else if (point) Object.assign(point, { x, y, z })
      else pose[keys[j]] = isObject(like) ? { x, y, z } : [x, y, z, ...(like?.length === 4 ? [visibility] : [])]
      if (!values.subarray(at, at + 3).some(Number.isNaN)) return
      // It was missing, and shall not be when it is read again.
      if (step === 4) raise(pose, visibility, step * j + 3)
      else if (!step) raise(pose[keys[j]], visibility, 'visibility', 'score', 3)
      raise(certain[t], visibility, j)
    })
  })
  return JSON.stringify(document)
}

/** Makes confidences at least `least`, those of `keys` that `holder` has. */
function raise(holder, least, ...keys) {
  for (const key of keys) {
    if (typeof holder?.[key] === 'number') holder[key] = Math.max(holder[key], least)
  }
}

/** Whole numbers that JavaScript would round, such as times in nanoseconds, stay as they are written. */
const exact = (key, value, context) =>
  Number.isInteger(value) && !Number.isSafeInteger(value) && JSON.rawJSON ? JSON.rawJSON(context.source) : value

/** JSON, also with the NaN and Infinity that Python writes, which become null. */
function parse(text, reviver) {
  const plain = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (word) => (word[0] === '"' ? word : 'null'))
  try {
    return JSON.parse(plain.replace(/^\ufeff/, ''), reviver)
  } catch (error) {
    throw new Error(`not JSON: ${error.message}`)
  }
}

/** The poses in a document, one a frame or null, what stands around them, and their confidence where it is beside. */
function find(document, tables) {
  const about = isObject(document) ? document : {}
  if (Array.isArray(about.clips) && about.clips.length && about.clips.every(isObject)) {
    const seen = ({ poses }) => poses.filter((pose) => pose && Object.values(pose).some(Boolean)).length
    const clips = about.clips.map((clip) => find(clip, tables))
    return clips.reduce((best, other) => (seen(other) > seen(best) ? other : best))
  }
  const frames = framesOf(document, tables).map((frame) => peopleOf(frame, tables))
  const tracks = new Map()
  frames.forEach((people, t) => {
    people.forEach((person, n) => {
      const who = identity(person) ?? n
      if (!tracks.has(who)) tracks.set(who, Array(frames.length).fill(null))
      tracks.get(who)[t] = person
    })
  })
  const seen = (track) => track.filter(Boolean).length
  const [track] = [...tracks.values()].sort((one, other) => seen(other) - seen(one))
  const beside = (person) => isObject(person) && tables.certain.map((key) => person[key]).find(Array.isArray)
  return {
    about,
    poses: (track ?? []).map((person) => person && poseOf(person, tables)),
    certain: (track ?? []).map((person) => beside(person) || undefined),
  }
}

function framesOf(document, { frames, poses }) {
  if (isObject(document)) {
    const key = frames.find((key) => Array.isArray(document[key]))
    if (key) return document[key]
    const other = poses.find((key) => Array.isArray(document[key]) && isPose(document[key].find(Boolean)))
    return other ? document[other] : [document]
  }
  return Array.isArray(document) && !isPose(document) ? document : [document]
}

function peopleOf(frame, { people, poses }) {
  if (isPose(frame)) return [frame]
  if (Array.isArray(frame)) return frame
  if (!isObject(frame)) return []
  const key = people.find((key) => Array.isArray(frame[key]))
  if (key) return frame[key]
  const inside = poses.map((key) => frame[key]).find((value) => value !== undefined && value !== null)
  return isPose(inside) ? [frame] : Array.isArray(inside) ? inside : []
}

const identity = (person) =>
  ['body_id', 'track_id', 'person_id', 'id']
    .map((key) => person?.[key])
    .filter((id) => /string|number/.test(typeof id))
    .map(String)[0]

function poseOf(person, { poses }) {
  const pose = isPose(person) ? person : poses.map((key) => person?.[key]).find(isPose)
  if (!pose) throw new Error('it holds somebody without a pose; expected joints of x, y, z')
  return pose
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

function isPose(value) {
  if (isObject(value)) return Object.keys(value).length > 3 && Object.values(value).every(isPoint)
  if (!Array.isArray(value)) return false
  return isFlat(value) || (value.length > 2 && value.every((point) => point === null || isPoint(point)))
}

function isPoint(point) {
  if (isObject(point)) return isNumber(point.x) && isNumber(point.y)
  return Array.isArray(point) && point.length > 1 && point.length < 6 && point.every(isNumber)
}

/** Also null, which `parse` makes of NaN. */
const isNumber = (value) => value === null || typeof value === 'number'

/** Whether a pose is the numbers of all joints in one list, as OpenPose has them. */
const isFlat = (value) =>
  Array.isArray(value) && value.length >= 12 && value.every(isNumber) && value.some((number) => number !== null)

/** How many numbers of a flat list are of one joint; 0 for all other poses. */
function stepOf(pose) {
  if (!isFlat(pose)) return 0
  const { length } = pose
  const step = length % 4 === 0 && (length % 3 || [100, 132, 68].includes(length)) ? 4 : 3
  if (length % step) throw new Error(`it has a pose of ${length} numbers; expected 3 or 4 for each joint`)
  return step
}

/** The joints of a pose; of a flat one as lists of their own. */
function pointsOf(pose) {
  const step = stepOf(pose)
  if (!step) return Object.values(pose)
  return Array.from({ length: pose.length / step }, (_, j) => pose.slice(step * j, step * (j + 1)))
}

function coordinates(point) {
  if (!point) return [NaN, NaN, NaN]
  const [x, y, z] = Array.isArray(point) ? point : [point.x, point.y, point.z]
  if (z === undefined) throw new Error('its poses have two coordinates; three are needed, as of world landmarks')
  return [x, y, z].map((value) => value ?? NaN)
}

const certainty = (point) => (Array.isArray(point) ? (point[3] ?? 1) : (point.visibility ?? point.score ?? 1))

/** What the file calls its joints; null where it does not say. */
function namesOf(about, pose, count) {
  if (isObject(pose)) return Object.keys(pose)
  const beside = [about.joint_names, about.joints, about.meta_info?.keypoint_id2name, pose.map((point) => point?.name)]
  return beside.find((names) => areNames(names) && names.length === count) ?? null
}

const areNames = (names) => Array.isArray(names) && names.every((name) => typeof name === 'string')

function rateOf(about) {
  const rate = RATES.map((key) => about[key]).find((value) => typeof value === 'number' && value > 0 && value < 10_000)
  if (rate || !Array.isArray(about.frames)) return rate
  for (const [key, second] of Object.entries(TIMES)) {
    const times = about.frames.map((frame) => frame?.[key])
    if (times.length < 2 || times.some((time) => typeof time !== 'number')) continue
    const steps = times.slice(1).map((time, n) => time - times[n])
    const middle = median(steps)
    // Rounded times have steps of several lengths.
    const usual = steps.filter((step) => Math.abs(step) < 1.8 * middle)
    const mean = usual.reduce((sum, step) => sum + step, 0) / usual.length / second
    const step = key === 'timestamp' && mean > 1 ? mean / 1000 : mean // it does not say that it is in ms
    return 1 / step >= 1 && 1 / step <= 1000 ? 1 / step : undefined
  }
}
