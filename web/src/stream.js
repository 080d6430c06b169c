import { median } from './formats/values.js'

// As tfpose/streaming.py has it: the inputs that are no part of the state, and how the next state is called.
const STEP_INPUTS = ['joints', 'confidence', 'rate']
const NEXT = 'next_'

/**
 * Cleans the poses of one person as they come in, by the signature `denoise_step` of a model of clips. A stream begins
 * with its first frame.
 */
export class Stream {
  #model
  #state
  #origin

  constructor(model) {
    this.#model = model
    const parts = Object.entries(model.signatures.denoise_step.inputs).filter(([name]) => !STEP_INPUTS.includes(name))
    const zeros = ({ shape }) => new Float32Array(shape.reduce((product, length) => product * length))
    this.#state = Object.fromEntries(parts.map(([name, spec]) => [name, zeros(spec)]))
  }

  /**
   * The next frame.
   *
   * @param pose `[J * 3]` metres; NaN = missing
   * @param rate frames per second
   * @param confidence `[J]`, 0 to 1, of a tracker; ones where it gives none
   * @returns `{denoised: [J * 3] metres, trust: [J], filled: [J] of 0 and 1}`
   */
  async step(pose, rate, confidence = new Float32Array(pose.length / 3).fill(1)) {
    const origin = this.#origin ?? middle(pose) // near to it float32 has more digits
    const outputs = await this.#model.run('denoise_step', {
      joints: pose.map((value, i) => value - origin[i % 3]),
      confidence,
      rate: Float32Array.of(rate),
      ...this.#state,
    })
    for (const name of Object.keys(this.#state)) this.#state[name] = outputs[NEXT + name]
    if (pose.some(Number.isFinite)) this.#origin = origin
    const { denoised, trust, filled } = outputs
    return { denoised: denoised.map((value, i) => value + origin[i % 3]), trust, filled }
  }
}

/** The median of the joints that there are, [x, y, z]; zeros where there are none. */
function middle(pose) {
  return [0, 1, 2].map((axis) => median(pose.filter((_, i) => i % 3 === axis)) || 0)
}
