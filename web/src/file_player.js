import { writeClip } from './formats/clip.js'
import { distances, floorUnder, isMissing } from './pose.js'

const BUDGET = 40 // milliseconds of cleaning between two pictures
const MOVED = 0.03 // metres: what moves farther was wrong

/** Cleans a clip of a file as a stream, between the pictures, and then plays it. */
export class FilePlayer {
  #clip
  #stream
  #frames
  #joints
  #next // frame to be cleaned
  #end
  #onProgress
  #last
  #time
  #frame
  #floor

  /**
   * @param clip of `readClip`
   * @param stream a new one, which nobody else uses
   * @param onProgress is told the share of the frames that are cleaned, after each part
   */
  constructor(clip, stream, onProgress) {
    this.#clip = clip
    this.#stream = stream
    this.#onProgress = onProgress
    this.#joints = clip.skeleton.names.length
    const pose = (t) => clip.observed.subarray(3 * t * this.#joints, 3 * (t + 1) * this.#joints)
    const nothing = new Float32Array(this.#joints)
    // What is not computed stays: frames before anybody is there, and after that.
    this.#frames = Array.from({ length: clip.frames }, (_, t) => ({
      raw: pose(t),
      result: { denoised: pose(t), trust: nothing, filled: nothing },
    }))
    const present = this.#frames.map(({ raw }) => raw.some((value) => !Number.isNaN(value)))
    this.#next = present.indexOf(true)
    if (this.#next < 0) throw new Error('nobody is in it')
    this.#end = present.lastIndexOf(true) + 1
    this.restart()
  }

  restart() {
    this.#time = 0
    this.#frame = -1
  }

  async next(now) {
    if (this.#next < this.#end) return this.#cleanSome()
    if (this.playing) this.#time += Math.min(now - (this.#last ?? now), 250) / 1000
    this.#last = now
    const frame = Math.floor(this.#time * this.#clip.rate) % this.#clip.frames
    if (frame === this.#frame) return null
    this.#frame = frame
    const { raw, result } = this.#frames[frame]
    const [x, z] = [0, 2].map((axis) => result.denoised[3 * this.#clip.skeleton.root + axis] || 0)
    const middle = (pose) => pose.map((value, i) => value - [x, 0, z][i % 3])
    return {
      frame,
      truth: null,
      landmarks: null,
      raw: middle(raw),
      result: { ...result, denoised: middle(result.denoised) },
    }
  }

  async #cleanSome() {
    const { rate, confidence } = this.#clip
    for (const until = performance.now() + BUDGET; this.#next < this.#end && performance.now() < until; this.#next++) {
      const certain = confidence?.subarray(this.#next * this.#joints, (this.#next + 1) * this.#joints)
      const one = this.#frames[this.#next]
      one.result = await this.#stream.step(one.raw, rate, certain)
    }
    this.#onProgress(this.#next / this.#end)
    return null
  }

  /** The height of the floor: where the lowest joints of most frames stand. Once all frames are cleaned. */
  floor() {
    if (this.#floor === undefined) {
      const floors = this.#frames.map(({ result }) => floorUnder(result.denoised)).sort((a, b) => a - b)
      this.#floor = floors[Math.floor(floors.length / 20)]
    }
    return this.#floor
  }

  /** The text of the clean file. */
  text() {
    const cleaned = new Float32Array(this.#clip.observed.length)
    this.#frames.forEach(({ result }, t) => cleaned.set(result.denoised, 3 * t * this.#joints))
    return writeClip(this.#clip, cleaned)
  }

  /** What is to be said of the file and of what was done, for people. */
  facts() {
    const { frames, rate, rig, unit, up, notes } = this.#clip
    const joints = this.#frames.flatMap(({ raw, result }) =>
      Array.from(distances(raw, result.denoised), (far, j) =>
        isMissing(raw, j) ? 'missing' : far > MOVED ? 'moved' : 'kept',
      ),
    )
    const count = (what) => `${joints.filter((one) => one === what).length} of ${joints.length} joints`
    return {
      Frames: `${frames}, ${Number(rate.toFixed(2))} per second`,
      Joints: `${rig.joints.length} in the file, ${this.#joints} of the network`,
      Units: `${Number(unit.toPrecision(4))} m, ${up} up`,
      Missing: count('missing'),
      'Moved over 3 cm': count('moved'),
      ...(notes.length ? { Note: notes.join('; ') } : {}),
    }
  }
}
