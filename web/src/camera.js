import { explain, note } from './model.js'

const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: 'user' }

/** A camera, and MediaPipe's pose landmarker on what it sees. Pictures stay in this page. */
export class Camera {
  #folder
  #video
  #milliseconds
  #pose
  #results
  #seen = -1

  /**
   * @param folder where the landmarker's files are, absolute
   * @param video the element that shows what the camera sees
   * @param milliseconds into which `landmarks` is entered
   */
  constructor(folder, video, milliseconds) {
    this.#folder = folder
    this.#video = video
    this.#milliseconds = milliseconds
  }

  /** Asks for the camera, and loads the landmarker the first time. Throws an error for people when one is not there. */
  async start() {
    if (!navigator.mediaDevices) throw new Error('No camera here.', { cause: 'browsers need https for it' })
    const asked = navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false })
    this.#video.srcObject = await explain(asked, 'The camera did not start.')
    try {
      await this.#video.play()
      this.#pose ??= await explain(this.#load(), 'The landmarker did not load.')
      this.#pose.reset()
    } catch (error) {
      this.stop()
      throw error
    }
  }

  stop() {
    for (const track of this.#video.srcObject?.getTracks() ?? []) track.stop()
    this.#video.srcObject = null
    this.#seen = -1
  }

  /**
   * What is in a picture that was not looked at yet: `{time in seconds, world, picture}`, landmarks as MediaPipe gives
   * them, undefined where nobody is found. Null when there is no new picture.
   */
  async next() {
    const { currentTime, readyState } = this.#video
    if (readyState < HTMLMediaElement.HAVE_CURRENT_DATA || currentTime === this.#seen) return null
    this.#seen = currentTime
    const started = performance.now()
    await this.#pose.send({ image: this.#video })
    note(this.#milliseconds, 'landmarks', performance.now() - started)
    return { time: currentTime, world: this.#results.poseWorldLandmarks, picture: this.#results.poseLandmarks }
  }

  async #load() {
    await loadScript(`${this.#folder}pose.js`)
    const pose = new window.Pose({ locateFile: (name) => this.#folder + name })
    // The model of clips is what smooths. The last option is not in MediaPipe's documentation.
    pose.setOptions({ modelComplexity: 1, smoothLandmarks: false, useCpuInference: isSoftwareGl() })
    pose.onResults((results) => (this.#results = results))
    await pose.initialize()
    await pose.send({ image: this.#video }) // which is when it opens its files
    return pose
  }
}

/** Whether there is no GPU and WebGL is computed on the CPU, where WebAssembly is 30 times as fast. */
function isSoftwareGl() {
  const gl = document.createElement('canvas').getContext('webgl2')
  const info = gl?.getExtension('WEBGL_debug_renderer_info')
  const renderer = gl?.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER)
  return /swiftshader|llvmpipe|software|basic render/i.test(renderer)
}

/** A script that is no module; it enters what it has into `window`. */
function loadScript(src) {
  const script = Object.assign(document.createElement('script'), { src })
  const loaded = new Promise((onload, onerror) => Object.assign(script, { onload, onerror }))
  document.head.append(script)
  return loaded
}
