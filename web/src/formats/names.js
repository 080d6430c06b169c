// The joints of a rig by what its programs call them, as tfpose/formats/names.py knows them.

import { fittingOf } from './body.js'
import { distance, spread } from './values.js'

/** `"mixamorig:LeftUpLeg"` -> `["left", "upleg"]`: the side, "" where there is none, and the rest. */
export function split(name, { prefix, sides }) {
  const last = name
    .trim()
    .replace(/^["']+|["']+$/g, '')
    .split(/[:|/]/)
    .at(-1)
    .trim()
  const found = last.replace(new RegExp(`^${prefix}`, 'i'), '').match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? []
  const all = found.map((word) => (/\d/.test(word) ? String(Number(word)) : word.toLowerCase()))
  const words = all.filter((word) => word !== 'c' && word !== 'm')
  if (!words.length) words.push(...all)
  for (const at of [0, words.length - 1]) {
    if (words.length > 1 && Object.hasOwn(sides, words[at])) return [sides[words.splice(at, 1)], words.join('')]
  }
  const whole = words.join('')
  for (const side of ['left', 'right']) {
    if (whole === side) continue
    if (whole.startsWith(side)) return [side, whole.slice(side.length)]
    if (whole.endsWith(side)) return [side, whole.slice(0, -side.length)]
  }
  return ['', whole]
}

/** Joint of the shared vocabulary -> its number in `names`, for all that are known by name. */
export function knownJoints(names, tables) {
  const [number, found, taken] = [numbered(names, tables), new Map(), new Set()]
  const take = (joint, side, parts) => {
    const free = parts
      .split(' ')
      .map((part) => number.get(`${side} ${part}`))
      .find((at) => at !== undefined && !taken.has(at))
    if (free === undefined) return
    found.set(joint, free)
    taken.add(free)
  }
  for (const [joint, parts] of Object.entries(tables.paired)) {
    for (const side of ['left', 'right']) take(`${joint}_${side}`, side, parts)
  }
  for (const [joint, parts] of Object.entries(tables.single)) take(joint, '', parts)
  return found
}

function numbered(names, tables) {
  const number = new Map()
  names.forEach((name, at) => {
    const key = split(name, tables).join(' ')
    if (!number.has(key)) number.set(key, at)
  })
  return number
}

/**
 * The skeleton of a rig, `{name, joints, parents, derived}`: joints that are known have the vocabulary's names, all
 * others their own. `derived` says how joints that it lacks are made of others, `{joint: [[number, weight], ...]}`.
 *
 * @param names of the joints; null where the file does not say
 * @param parents numbers; null for points without a hierarchy
 * @param values `[T * J * 3]`
 * @param count J
 * @param tables of `rigs.json`
 */
export function skeletonOf({ names, parents, values }, count, tables) {
  const skeletons = tables.skeletons.map(numberedSkeleton)
  if (!names) {
    const same = skeletons.filter(({ joints }) => joints.length === count)
    const fitting = fittingOf(values, same)
    if (fitting) return fitting
    const may = same.map(({ name }) => name).join(', ')
    throw new Error(`it does not name its ${count} joints${may && `, which may be those of ${may}`}`)
  }
  const ships = parents ? undefined : shipped(names, skeletons, tables.names)
  if (ships) return ships
  const found = knownJoints(names, tables.names)
  const limbs = [...found.keys()].filter((joint) => tables.names.limbs.includes(joint.replace(/_[a-z]+$/, '')))
  if (limbs.length < 8) throw new Error(`its joints are not those of a person: ${names.slice(0, 12).join(', ')}`)
  addTrunk(found, parents)
  const joints = names.map((name) => (found.has(name) ? `${name}_of_the_file` : name))
  for (const [joint, at] of found) joints[at] = joint
  return {
    name: 'rig',
    joints,
    parents: parents ?? hung(names, found, values, tables.names),
    derived: derived(found),
  }
}

/** A skeleton of `rigs.json` by numbers; `native` are the names that its files use. */
function numberedSkeleton({ name, joints, mirror, derived, native }) {
  const names = joints.map(([joint]) => joint)
  const rules = Object.entries(derived).map(([joint, rule]) => [
    joint,
    Object.entries(rule).map(([part, weight]) => [names.indexOf(part), weight]),
  ])
  return {
    name,
    joints: names,
    native: names.map((joint) => native[joint] ?? joint),
    parents: joints.map(([, parent]) => names.indexOf(parent)),
    mirror: mirror.map((pair) => pair.map((joint) => names.indexOf(joint))),
    derived: Object.fromEntries(rules),
  }
}

/** The skeleton that ships with just these joints, with them in the order of the file; undefined where there is none. */
function shipped(names, skeletons, tables) {
  const number = numbered(names, tables)
  const found = []
  for (const skeleton of skeletons) {
    for (const spelled of [skeleton.native, skeleton.joints]) {
      const at = spelled.map((joint) => number.get(split(joint, tables).join(' ')))
      const all = new Set(at.filter((column) => column !== undefined))
      if (at.length === names.length && all.size === names.length) found.push({ skeleton, at })
    }
  }
  // Of two with the same joints the one in the same order.
  const best = found.find(({ at }) => at.every((column, j) => column === j)) ?? found[0]
  return best && inOrder(best.skeleton, best.at)
}

function inOrder({ name, joints, parents, derived }, at) {
  const back = at.map((_, column) => at.indexOf(column))
  const rules = Object.entries(derived).map(([joint, rule]) => [
    joint,
    rule.map(([part, weight]) => [at[part], weight]),
  ])
  return {
    name,
    joints: back.map((j) => joints[j]),
    parents: back.map((j) => (parents[j] < 0 ? -1 : at[parents[j]])),
    derived: Object.fromEntries(rules),
  }
}

/** Adds the joints of the trunk that are known by where they stand: on the way from the hips to the head. */
function addTrunk(found, parents) {
  const way = (top, bottom) => {
    const joints = []
    for (let at = top; parents && at >= 0; at = parents[at]) {
      joints.unshift(at)
      if (at === bottom) return joints
    }
    return []
  }
  const middle = (joints) => joints[Math.floor(joints.length / 2)]
  const [base, neck] = [found.get('spine_base'), found.get('neck')]
  const known = new Set(found.values())
  if (!found.has('head') && neck !== undefined) {
    const above = (parents ?? []).flatMap((parent, at) => (parent === neck ? [at] : []))
    if (above.length === 1 && !known.has(above[0])) found.set('head', above[0])
  }
  if (!found.has('spine_shoulder') && neck !== undefined) {
    // What programs call the neck begins between the shoulders.
    found.set('spine_shoulder', neck)
    found.delete('neck')
    const between = found.has('head') ? way(found.get('head'), neck).slice(1, -1) : []
    if (between.length) found.set('neck', middle(between))
  }
  if (!found.has('spine_mid') && base !== undefined && found.has('spine_shoulder')) {
    const spine = way(found.get('spine_shoulder'), base).slice(1, -1)
    if (spine.length) found.set('spine_mid', middle(spine))
  }
}

/** Parents of points without a hierarchy: one that is unknown hangs on the known one whose distance changes least. */
function hung(names, found, values, tables) {
  const known = [...found.values()]
  const root = found.get('spine_base') ?? known[0]
  const parents = names.map((_, at) => (at === root ? -1 : root))
  for (const [joint, at] of found) {
    let above = tables.parents[joint]
    while (above && !found.has(above)) above = tables.parents[above]
    if (at !== root && above) parents[at] = found.get(above)
  }
  const frames = values.length / 3 / names.length
  const some = Array.from({ length: Math.min(frames, 200) }, (_, n) => Math.floor((n * frames) / Math.min(frames, 200)))
  names.forEach((_, at) => {
    if (known.includes(at)) return
    const changes = known.map((to) =>
      spread(some.map((t) => distance(values, t * names.length + at, values, t * names.length + to))),
    )
    const least = Math.min(...changes)
    if (Number.isFinite(least)) parents[at] = known[changes.indexOf(least)]
  })
  return parents
}

/** How to make what a rig lacks of hips, spine, neck and head. */
function derived(found) {
  const rules = {}
  const middle = (joints) => {
    const parts = joints.map((joint) => (found.has(joint) ? [[found.get(joint), 1]] : rules[joint]))
    if (parts.some((part) => !part)) return undefined
    const rule = new Map()
    for (const [at, weight] of parts.flat()) rule.set(at, (rule.get(at) ?? 0) + weight / parts.length)
    return [...rule]
  }
  const ways = {
    spine_base: [['hip_left', 'hip_right']],
    spine_shoulder: [['shoulder_left', 'shoulder_right']],
    spine_mid: [['spine_base', 'spine_shoulder']],
    head: [['ear_left', 'ear_right'], ['nose']],
    neck: [['spine_shoulder', 'head']],
  }
  for (const [joint, choices] of Object.entries(ways)) {
    const rule = found.has(joint) ? undefined : choices.map(middle).find(Boolean)
    if (rule) rules[joint] = rule
  }
  return rules
}

/**
 * How each joint of `wanted` (names) is made of a rig's: pairs of a joint's number and its weight. Throws where one
 * cannot be made.
 */
export function rulesOf(rig, wanted) {
  return wanted.map((joint) => {
    const at = rig.joints.indexOf(joint)
    const rule = at >= 0 ? [[at, 1]] : rig.derived[joint]
    if (!rule) throw new Error(`it has no ${joint.replaceAll('_', ' ')}, nor what it could be made of`)
    return rule
  })
}
