import { Camera } from './camera.js'
import { FilePlayer } from './file_player.js'
import { bytesOf, offer, onFile } from './files.js'
import { readClip } from './formats/clip.js'
import { drawLandmarks, jointsOf } from './landmarks.js'
import { LiveScene } from './live_scene.js'
import { explain, fetchJson, loadModel } from './model.js'
import { Noise } from './noise.js'
import { $, element, fail } from './page.js'
import { centred, floorUnder, isMissing, meanDistance } from './pose.js'
import { megabytes, millimetres, writeCard, writeFacts, writeSpeed } from './readout.js'
import { readSkeleton, spoken } from './skeleton.js'
import { Stream } from './stream.js'

const RATES = [10, 60] // frames per second of a camera that are believed
const GONE = 1 // seconds without anybody after which who comes next is somebody else
const RED = '#ff6166'

start().catch(fail)

async function start() {
  const here = (path) => new URL(path, document.baseURI).href
  const names = ['stream', 'clips', 'landmarks', 'rigs']
  const files = Promise.all(names.map((name) => fetchJson(here(`${name}.json`))))
  const [card, { rate, clips }, rules, rigs] = await explain(files, 'The clips did not load.')
  $('notice').lastElementChild.textContent = `${card.name}, ${megabytes(card)}, and the runtime that it needs`
  const model = await loadModel(here('stream.tflite'), here('wasm/'), card.signatures)

  const skeleton = readSkeleton(card.skeleton)
  document.querySelector('main').hidden = false // before the stage, which takes its size from the page
  const makeScene = async () => new LiveScene(skeleton, $('figures'))
  const scene = await explain(makeScene(), 'There is no WebGL, which draws the bodies.')
  const player = new ClipPlayer(skeleton, rate, clips)
  const camera = new Camera(here('mediapipe/'), $('video'), model.milliseconds)
  const watcher = new CameraWatcher(camera, rules)
  let [source, stream] = [player, new Stream(model)]
  const shown = { skeleton, milliseconds: model.milliseconds, frames: 0, newStream: () => new Stream(model) }

  writeCard(card)
  listJoints(skeleton)
  const use = (next) => {
    source = next
    source.restart()
  }
  connect(clips, player, use, {
    async startCamera() {
      await camera.start()
      use(watcher)
    },
    stopCamera: () => camera.stop(),
    async open(file, onProgress) {
      const clip = readClip(file.name, await bytesOf(file), skeleton, rigs)
      return new FilePlayer(clip, new Stream(model), onProgress)
    },
  })
  setInterval(() => writeSpeed(model.milliseconds, shown.interval ?? 0), 500)
  $('notice').hidden = true
  // What is on the screen, as numbers: for tests and for the curious.
  window.tfpose = shown

  let last
  const next = async (now) => {
    const asked = source
    const frame = await source.next(now)
    if (frame && asked === source) {
      if (frame.begins) stream = new Stream(model)
      const { denoised, trust, filled } = frame.result ?? (await stream.step(frame.raw, frame.rate))
      Object.assign(shown, { ...frame, clean: denoised, trust, filled, frames: shown.frames + 1 })
      if (last) shown.interval = 0.9 * (shown.interval ?? now - last) + 0.1 * (now - last)
      last = now
      scene.pose(shown, source.floor(denoised))
      write(shown)
    }
    scene.draw()
    requestAnimationFrame((time) => next(time).catch(fail))
  }
  await next(0)
}

/** Plays a clip, with noise or without, at its own rate; nothing is left out where the device is too slow for it. */
class ClipPlayer {
  #skeleton
  #rate
  #frame
  #due
  #noise

  constructor(skeleton, rate, clips) {
    this.#skeleton = skeleton
    this.#rate = rate
    this.clip = clips[0]
    this.noisy = true
    this.playing = !matchMedia('(prefers-reduced-motion: reduce)').matches
    this.restart()
  }

  restart() {
    this.#frame = 0
    this.#due = 0
    this.#noise = new Noise(this.#skeleton)
  }

  async next(now) {
    if (now < this.#due || (!this.playing && this.#frame > 0)) return null
    this.#due = Math.max(this.#due + 1000 / this.#rate, now - 250)
    const truth = centred(Float32Array.from(this.clip.poses[this.#frame]), this.#skeleton.root)
    const begins = this.#frame === 0
    this.#frame = (this.#frame + 1) % this.clip.poses.length
    return { begins, truth, raw: this.noisy ? this.#noise.next(truth) : truth, rate: this.#rate, landmarks: null }
  }

  floor() {
    return 0
  }
}

/** Poses of who stands before the camera. */
class CameraWatcher {
  #camera
  #rules
  #rate
  #before
  #present
  #lastSeen
  #floor

  constructor(camera, rules) {
    this.#camera = camera
    this.#rules = rules
  }

  restart() {
    this.#rate = this.#before = this.#floor = undefined
    this.#present = false
  }

  async next() {
    const found = await this.#camera.next()
    if (!found) return null
    const { time, world, picture } = found
    Object.assign($('overlay'), { width: $('video').videoWidth, height: $('video').videoHeight })
    drawLandmarks($('overlay'), picture, this.#rules, RED)
    this.#measure(time)
    const begins = Boolean(world) && !this.#present
    if (world) [this.#present, this.#lastSeen] = [true, this.#before]
    else if (this.#before - this.#lastSeen > GONE) this.#present = false
    say(this.#present ? '' : 'Nobody in the picture. Stand back until your whole body is in it.')
    if (!this.#present) return null
    return { begins, truth: null, raw: jointsOf(world, this.#rules), rate: this.#rate, landmarks: world ?? null }
  }

  /** Frames per second, smoothed: a stream is told one rate, and a device's own hardly changes. */
  #measure(time) {
    const [slowest, fastest] = RATES
    const measured = Math.min(fastest, Math.max(slowest, 1 / (time - (this.#before ?? time - 1 / 30))))
    this.#rate = 0.9 * (this.#rate ?? measured) + 0.1 * measured
    this.#before = time
  }

  /** Slowly follows the lowest joint: landmarks are about the hips and do not know the floor. */
  floor(clean) {
    const under = floorUnder(clean)
    this.#floor = 0.9 * (this.#floor ?? under) + 0.1 * under
    return this.#floor
  }
}

/**
 * Connects the controls.
 *
 * @param use shows frames of the player, or of a `FilePlayer`
 * @param devices `startCamera()`, `stopCamera()`, and `open(file, onProgress)`, which gives a `FilePlayer`. What starts
 *   and opens may throw.
 */
function connect(clips, player, use, { startCamera, stopCamera, open }) {
  let opened
  const play = (playing) => {
    for (const one of [player, opened]) if (one) one.playing = playing
    $('play').classList.toggle('playing', playing)
    $('play').ariaLabel = playing ? 'Pause' : 'Play'
  }
  const look = (camera) => {
    const isFile = $('clip').selectedIndex >= clips.length
    $('camera').ariaPressed = camera
    $('camera').textContent = camera ? 'Stop the camera' : 'Use the camera'
    $('preview').hidden = !camera
    $('score').hidden = camera || isFile
    $('noise').parentElement.hidden = isFile
    for (const id of ['play', 'clip', 'noise']) $(id).disabled = camera
  }
  const showChosen = () => {
    const at = $('clip').selectedIndex
    if (at < clips.length) player.clip = clips[at]
    use(at < clips.length ? player : opened)
    look(false)
    say('')
  }
  clips.forEach(({ action }) => $('clip').append(new Option(action)))
  $('clip').onchange = showChosen
  $('play').onclick = () => play(!player.playing)
  $('noise').onchange = () => (player.noisy = $('noise').checked)
  play(player.playing)

  $('camera').onclick = async () => {
    const on = $('camera').ariaPressed !== 'true'
    $('camera').disabled = true
    say(on ? 'Starting the camera and its landmarker …' : '')
    try {
      if (on) await startCamera()
      else leaveCamera()
      look(on)
      say('')
    } catch (error) {
      console.warn(error)
      say(`${error.message} ${error.cause ?? ''}`, true)
    } finally {
      $('camera').disabled = false
    }
  }
  const leaveCamera = () => {
    stopCamera()
    showChosen()
  }
  const begin = (name, file) => {
    opened = file
    offer(name, null)
    $('clip').options[clips.length]?.remove()
    $('clip').append(new Option(name, '', true, true))
    $('facts').replaceChildren()
    play(player.playing)
    showChosen()
  }
  const progress = (name, done) => {
    say(done < 1 ? `Cleaning ${name} … ${Math.floor(100 * done)} %` : '')
    if (done < 1) return
    writeFacts($('facts'), opened.facts())
    offer(name, opened.text())
  }
  const attempt = async (name, act) => {
    try {
      await act()
    } catch (error) {
      console.warn(error)
      say(`${name}: ${error.message}`, true)
    }
  }
  onFile((file) =>
    attempt(file.name, async () => {
      if ($('camera').ariaPressed === 'true') leaveCamera()
      const tell = (done) => mine === opened && attempt(file.name, () => progress(file.name, done))
      const mine = await open(file, tell)
      begin(file.name, mine)
    }),
  )
  look(false)
}

function listJoints({ names }) {
  for (const name of names) {
    const row = element('li')
    row.append(element('span', spoken(name)), element('b'))
    $('joints').append(row)
  }
}

/** Writes what is shown as numbers. */
function write({ raw, clean, truth, trust, filled }) {
  if (truth) {
    $('error-observed').textContent = millimetres(meanDistance(raw, truth))
    $('error-denoised').textContent = millimetres(meanDistance(clean, truth))
  }
  for (const [j, row] of [...$('joints').children].entries()) {
    row.classList.toggle('distrusted', filled[j] > 0)
    row.style.setProperty('--share', trust[j])
    row.lastElementChild.textContent = isMissing(raw, j) ? 'missing' : `${Math.round(100 * trust[j])} %`
  }
}

/** Tells people what the camera does. */
function say(what, failed = false) {
  if ($('says').textContent !== what) $('says').textContent = what
  $('says').role = failed ? 'alert' : 'status'
  $('says').classList.toggle('failed-to', failed)
}
