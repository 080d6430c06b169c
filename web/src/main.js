import { connect } from './controls.js'
import { explain, fetchJson, loadModel } from './model.js'
import { $, fail } from './page.js'
import { centred, distances, edited, facing, turned } from './pose.js'
import { megabytes, write, writeCard, writeSpeed } from './readout.js'
import { Scene } from './scene.js'
import { readSkeleton } from './skeleton.js'

const DISTRUSTED = 0.03 // metres that the network moves a joint from where it was seen

start().catch(fail)

async function start() {
  const here = (path) => new URL(path, document.baseURI).href
  const files = Promise.all([fetchJson(here('model.json')), fetchJson(here('clips.json'))])
  const [card, { rate, clips, lender }] = await explain(files, 'The clips did not load.')
  $('notice').lastElementChild.textContent = `${card.name}, ${megabytes(card)}, and the runtime that it needs`
  const model = await loadModel(here('model.tflite'), here('wasm/'), card.signatures)

  const skeleton = readSkeleton(card.skeleton)
  document.querySelector('main').hidden = false // before the stages, which take their sizes from the page
  const makeScene = async () => new Scene(skeleton, $('denoise'), $('view'))
  const scene = await explain(makeScene(), 'There is no WebGL, which draws the bodies.')
  const front = centred(Float32Array.from(lender), skeleton.root)
  const state = {
    version: 1,
    clip: clips[0],
    frame: 0,
    playing: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    edits: new Map(), // joint -> its offset in metres, or null for a missing one
    chosen: -1,
    lender: turned(front, -facing(front, skeleton)),
    angle: $('angle').valueAsNumber,
  }
  const shown = { skeleton, milliseconds: model.milliseconds, screen: (point) => scene.main.toScreen(point) }
  writeCard(card)
  connect(skeleton, clips, state, shown, scene.main)

  const update = async () => {
    const { version } = state
    Object.assign(shown, await infer(model, skeleton, state))
    scene.pose(shown)
    write(skeleton, state, shown)
    shown.version = version
  }
  await update()
  $('notice').hidden = true
  // What is on the screen, as numbers: for tests and for the curious.
  window.tfpose = Object.assign(shown, { isCurrent: () => shown.version === state.version })

  let [before, carried] = [0, 0]
  setInterval(() => writeSpeed(model.milliseconds, shown.interval), 500)
  const next = async (now) => {
    const passed = before ? now - before : 0
    before = now
    shown.interval = shown.interval ? 0.9 * shown.interval + 0.1 * passed : passed
    carried = state.playing ? carried + (Math.min(passed, 250) * rate) / 1000 : 0 // who comes back missed nothing
    if (carried >= 1) {
      state.frame = (state.frame + Math.floor(carried)) % state.clip.poses.length
      state.version++
      carried %= 1
    }
    if (!shown.isCurrent()) await update()
    scene.draw()
    requestAnimationFrame((time) => next(time).catch(fail))
  }
  await next(0)
}

/** What the model makes of the pose as people left it, and of the view as they turned it. */
async function infer(model, skeleton, state) {
  const clean = centred(Float32Array.from(state.clip.poses[state.frame]), skeleton.root)
  const observed = edited(clean, state.edits)
  const denoised = await model.denoise(observed)
  const lender = turned(state.lender, state.angle)
  const transferred = await model.transferView(denoised, lender)
  const { pose_code: poseCode } = await model.encode(denoised)
  const { view_code: viewCode } = await model.encode(lender)
  const moved = distances(observed, denoised)
  const distrusted = (j) => moved[j] > DISTRUSTED
  return { clean, observed, denoised, moved, distrusted, lender, transferred, poseCode, viewCode }
}
