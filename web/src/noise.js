const JITTER = 0.015 // metres, standard deviation of each coordinate
const [EVERY, LASTS] = [30, 15] // frames from one episode to the next, and of an episode
const OFF = 2 // joints that are off in an episode
const [NEAREST, FARTHEST] = [0.2, 0.5] // metres that they are off

/**
 * What trackers do to a clip: jitter always, and episodes in which by turns some joints are off or a limb is missing.
 * The same `seed` gives the same noise.
 */
export class Noise {
  #skeleton
  #random
  #frame = 0
  #offsets = new Map()

  constructor(skeleton, seed = 1) {
    this.#skeleton = skeleton
    this.#random = mulberry32(seed)
  }

  /** The next pose `[J * 3]` of a clip, spoilt; a missing joint is NaN. */
  next(pose) {
    const at = this.#frame++ % (2 * EVERY)
    if (at % EVERY === EVERY - LASTS) this.#offsets = at < EVERY ? this.#jointsOff() : this.#limbMissing()
    if (at % EVERY === 0) this.#offsets.clear()
    const spoilt = pose.map((value) => value + JITTER * this.#normal())
    for (const [j, offset] of this.#offsets) offset.forEach((value, axis) => (spoilt[3 * j + axis] += value))
    return spoilt
  }

  /** Joint -> how far it is off, [x, y, z] in metres. */
  #jointsOff() {
    const offsets = new Map()
    while (offsets.size < OFF) {
      const direction = [this.#normal(), this.#normal(), this.#normal()]
      const length = NEAREST + (FARTHEST - NEAREST) * this.#random()
      offsets.set(
        this.#below(this.#skeleton.names.length),
        direction.map((part) => (length * part) / Math.hypot(...direction)),
      )
    }
    return offsets
  }

  /** A joint of an arm or a leg and all that hangs on it -> NaN. */
  #limbMissing() {
    const { parents, side } = this.#skeleton
    const tops = side.flatMap((which, j) => (which && !side[parents[j]] ? [j] : []))
    const limb = new Set([tops[this.#below(tops.length)]])
    // As often as there are joints does for any order of them.
    for (const _ of parents) parents.forEach((parent, j) => limb.has(parent) && limb.add(j))
    return new Map([...limb].map((j) => [j, [NaN, NaN, NaN]]))
  }

  #below(end) {
    return Math.floor(end * this.#random())
  }

  #normal() {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
  }
}

/** Numbers from 0 to 1, by the public domain generator of that name. */
function mulberry32(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
