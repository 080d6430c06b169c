import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core'

/**
 * Loads LiteRT's runtime from `runtime`, a folder, and the model at `url`, both absolute. `signatures` are those of its
 * card.
 */
export async function loadModel(url, runtime, signatures) {
  // The runtime logs to stderr, which would fill the console with red lines on a good day. What goes wrong is thrown.
  self.Module = { printErr: console.debug }
  await explain(loadLiteRt(runtime), 'The WebAssembly runtime did not load.')
  const bytes = await explain(fetchBytes(url), 'The model did not load.')
  // On the CPU, always: a pose is far too little work for a GPU, and LiteRT.js' WebGPU has no products of two
  // computed matrices, which turning a pose by its view code is.
  const compiled = await explain(loadAndCompile(bytes, { accelerator: 'wasm' }), 'The model is damaged.')
  return new Model(compiled, signatures)
}

class Model {
  #compiled
  /** Signature -> milliseconds of a run, smoothed. */
  milliseconds = {}

  constructor(compiled, signatures) {
    this.#compiled = compiled
    this.signatures = signatures
  }

  /** Clean joints `[J * 3]` of joints `[J * 3]`, metres; NaN = missing. */
  async denoise(joints) {
    return (await this.run('denoise', { joints })).denoised
  }

  /** The pose of `joints` seen as `viewFrom` is seen. */
  async transferView(joints, viewFrom) {
    return (await this.run('transfer_view', { joints, view_from: viewFrom })).transferred
  }

  /** `{pose_code: [J * z], view_code: [3 * 3]}` of joints; a free view code is `[z * z]`. */
  encode(joints) {
    return this.run('encode', { joints })
  }

  /** Runs a signature: inputs by name -> outputs by name, flat arrays of one pose. */
  async run(signature, values) {
    const started = performance.now()
    const inputs = {}
    for (const [name, { shape }] of Object.entries(this.signatures[signature].inputs)) {
      inputs[name] = new Tensor(values[name], shape)
    }
    const outputs = await this.#compiled.run(signature, inputs)
    const results = {}
    for (const [name, tensor] of Object.entries(outputs)) {
      results[name] = Float32Array.from(await tensor.data())
      tensor.delete()
    }
    for (const tensor of Object.values(inputs)) tensor.delete()
    note(this.milliseconds, signature, performance.now() - started)
    return results
  }
}

/** Enters how long something took into smoothed `milliseconds`. */
export function note(milliseconds, name, taken) {
  milliseconds[name] = 0.8 * (milliseconds[name] ?? taken) + 0.2 * taken
}

/** The JSON at `url`. */
export const fetchJson = async (url) => (await fetchFile(url)).json()

const fetchBytes = async (url) => new Uint8Array(await (await fetchFile(url)).arrayBuffer())

async function fetchFile(url) {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: the server says ${response.status} ${response.statusText}`)
  return response
}

/** Waits for `promise`; when it fails, the error says `what` failed for people, and why. */
export async function explain(promise, what) {
  try {
    return await promise
  } catch (error) {
    // A script that cannot be loaded rejects with an event.
    const why = error instanceof Event ? `${error.target.src} is missing` : error.message
    throw new Error(what, { cause: why })
  }
}
