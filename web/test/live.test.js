// The live page in a real browser: a noisy clip, and a camera that sees a film of `camera.py`.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { assertClose, browserFor, overflowing, path, PHONE, python } from './browser.js'

const SMALL = { viewport: { width: 800, height: 560 } } // WebGL in software is slow
const RATE = 30

const { open, ready } = browserFor('live.html', () => {
  const film = join(mkdtempSync(join(tmpdir(), 'tfpose-')), 'film.mjpeg')
  python('camera.py', [film])
  return [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-video-capture=${film}`,
  ]
})

/** What Python makes of frames and of MediaPipe's landmarks; see `reference.py`. */
const reference = (frames, landmarks = null) => {
  const given = { frames, landmarks, rate: RATE }
  return JSON.parse(python('reference.py', [path('../dist/stream.tflite')], JSON.stringify(given)))
}

/** What the page shows now, with null for missing coordinates. */
const shown = (page) =>
  page.evaluate(() => {
    const plain = (values) => values && Array.from(values, (value) => (Number.isNaN(value) ? null : value))
    const { raw, clean, truth, trust, filled, landmarks } = window.tfpose
    const marks = landmarks?.map(({ x, y, z, visibility }) => [x, y, z, visibility])
    const values = Object.entries({ raw, clean, truth, trust, filled }).map(([name, value]) => [name, plain(value)])
    return { ...Object.fromEntries(values), landmarks: marks }
  })

/** The next `count` frames that the page shows. */
async function watch(page, count) {
  const frames = []
  for (let before = -1; frames.length < count; ) {
    before = await page.waitForFunction((n) => tfpose.frames > n && tfpose.frames, before).then((h) => h.jsonValue())
    frames.push(await shown(page))
  }
  return frames
}

/** The mean distance of the joints of poses `[J * 3]`, in metres; of those that `seen` has. */
function apart(pose, other, seen = pose) {
  const distances = []
  for (let i = 0; i < pose.length; i += 3) {
    const parts = [0, 1, 2].map((axis) => pose[i + axis] - other[i + axis])
    if (seen[i] !== null) distances.push(Math.hypot(...parts))
  }
  return mean(distances)
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

test('a noisy clip is cleaned as it plays, and the noise can be switched off', async (t) => {
  const { page, problems } = await ready(SMALL)
  await page.selectOption('#clip', { index: 3 })
  await page.click('#play')
  const noisy = await watch(page, 70) // two episodes
  const error = (name) => mean(noisy.map((frame) => apart(frame[name], frame.truth, frame.raw)))
  const [before, after] = [error('raw'), error('clean')]
  t.diagnostic(`mean error ${(1000 * before).toFixed()} mm, cleaned ${(1000 * after).toFixed()} mm`)
  assert.ok(before > 0.02, `noise of ${before} m`)
  assert.ok(after < 0.75 * before, `${before} m became ${after} m`)
  assert.ok(noisy.some(({ raw }) => raw.includes(null)) && noisy.every(({ clean }) => !clean.includes(null)))
  assert.ok(noisy.every(({ clean, truth }) => apart(clean, truth) < 0.1))
  assert.ok(noisy.some(({ filled }) => filled.includes(1)))

  await page.uncheck('#noise')
  const [, ...still] = await watch(page, 20) // the first may be older
  for (const { raw, truth } of still.slice(2)) assert.deepEqual(raw, truth)
  assert.ok(apart(still.at(-1).clean, still.at(-1).truth) < 0.02)
  for (const [name, time] of Object.entries(await page.evaluate(() => tfpose.milliseconds))) {
    assert.ok(time > 0, name)
  }
  assert.match(await page.textContent('#speed'), /denoise step \d+\.\d ms · frame \d+\.\d ms/)
  assert.deepEqual(problems, [])
})

test('a stream computes what tfpose computes in Python', async () => {
  const { page, problems } = await ready(SMALL)
  const { clips } = JSON.parse(readFileSync(path('../dist/clips.json')))
  const frames = clips[4].poses.slice(0, 45).map((pose, t) => {
    const spoilt = pose.map((value, i) => value + 0.02 * Math.sin(37 * i + 11 * t * t))
    if (t > 9 && t < 16) spoilt.fill(null, 12, 21) // an arm is missing
    if (t > 24 && t < 31) spoilt[3 * 9 + 1] += 0.5 // a joint is off
    return t === 40 ? spoilt.map(() => null) : spoilt // nothing is seen
  })
  const ours = await page.evaluate(
    async ([frames, rate]) => {
      const [stream, results] = [window.tfpose.newStream(), []]
      for (const frame of frames) {
        const pose = Float32Array.from(frame, (value) => value ?? NaN)
        const { denoised, trust, filled } = await stream.step(pose, rate)
        results.push({ denoised: [...denoised], trust: [...trust], filled: [...filled] })
      }
      return results
    },
    [frames, RATE],
  )
  for (const [t, theirs] of reference(frames).frames.entries()) {
    for (const name of ['denoised', 'trust', 'filled']) {
      assertClose(ours[t][name], theirs[name], `${name} of frame ${t}`)
    }
  }
  assert.deepEqual(problems, [])
})

test('a camera: landmarks become joints, and these are cleaned', async (t) => {
  const { page, problems } = await ready(SMALL)
  await page.click('#camera')
  await page.waitForFunction('window.tfpose.landmarks', null, { timeout: 120_000 })
  const frames = await watch(page, 8)
  const { raw, clean, landmarks } = frames.at(-1)
  t.diagnostic(`${await page.textContent('#speed')} (without a GPU)`)
  assertClose(raw.map(Number), reference([], landmarks).joints.map(Number), 'joints')

  // Who is in the film, as Python finds them upright in the picture.
  const file = JSON.parse(readFileSync(path('../../tests/tfpose/video/person.json')))
  const upright = reference([], file.world.map((place, at) => [...place, file.visibility[at]])).joints
  for (const [what, pose] of Object.entries({ raw, clean })) {
    t.diagnostic(`${what}: ${(1000 * apart(pose, upright)).toFixed()} mm from the joints of the picture that is turned`)
    assert.ok(apart(pose, upright) < 0.12, what)
  }
  assert.ok(!clean.includes(null))
  assert.equal(await page.textContent('#says'), '')
  assert.match(await page.textContent('#speed'), /denoise step .* landmarks \d+\.\d ms · frame/)
  assert.ok(await page.locator('#preview').isVisible())
  const overlay = () => document.querySelector('#overlay').getContext('2d').getImageData(0, 0, 640, 480)
  assert.ok(await page.evaluate(`(${overlay})().data.some(Boolean)`), 'nothing is drawn over the picture')

  await page.click('#camera')
  await page.waitForFunction('window.tfpose.truth')
  assert.equal(await page.evaluate(() => document.querySelector('#video').srcObject), null)
  assert.equal(await page.locator('#preview').isVisible(), false)
  assert.deepEqual(problems, [])
})

test('where nobody is seen the page says so', async () => {
  const { page, problems } = await ready(SMALL, (page) =>
    page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 })
        setInterval(() => canvas.getContext('2d').fillRect(0, 0, 320, 240), 50)
        return canvas.captureStream(20)
      }
    }),
  )
  await page.click('#camera')
  await page.locator('#says', { hasText: 'Nobody in the picture.' }).waitFor({ timeout: 120_000 })
  assert.deepEqual(problems, [])
})

const lack = (file) => (page) => page.route(`**/mediapipe/${file}`, (route) => route.fulfill({ status: 404 }))
const refuse = (page) =>
  page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async () => Promise.reject(new DOMException('Permission denied'))
  })

for (const [what, says, prepare] of [
  ['a camera', 'The camera did not start. Permission denied', refuse],
  ['the landmarker', 'The landmarker did not load.', lack('pose.js')],
  ["the landmarker's model", 'The landmarker did not load.', lack('*.tflite')],
]) {
  test(`without ${what} the page says so, and plays on`, async () => {
    const { page } = await ready(SMALL, prepare)
    await page.click('#camera')
    await page.locator('[role=alert]', { hasText: says }).waitFor({ timeout: 60_000 })
    assert.equal(await page.locator('#preview').isVisible(), false)
    assert.equal(await page.evaluate(() => document.querySelector('#video').srcObject), null)
    await page.click('#play')
    const { truth } = (await watch(page, 4)).at(-1)
    assert.ok(truth)
  })
}

test('without the model the page says so', async () => {
  const { page } = await open({}, (page) => page.route('**/stream.tflite', (route) => route.fulfill({ status: 404 })))
  await page.locator('[role=alert]', { hasText: 'The model did not load.' }).waitFor({ timeout: 60_000 })
  assert.equal(await page.locator('main').isVisible(), false)
})

test('on a phone nothing overflows', async () => {
  const { page, problems } = await ready(PHONE)
  assert.deepEqual(await overflowing(page), [])
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.viewport.width)
  assert.deepEqual(problems, [])
})

test('a picture for the documentation', async () => {
  const { page, problems } = await ready()
  await page.selectOption('#clip', { index: 3 })
  await page.click('#play')
  await page.waitForFunction('tfpose.truth && tfpose.raw.some((value, i) => Math.abs(value - tfpose.truth[i]) > 0.3)')
  await page.click('#play')
  python('palette.py', [path('../../docs/pictures/live.png')], await page.screenshot())
  assert.deepEqual(problems, [])
})
