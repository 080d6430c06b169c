// The built page in a real browser: from a sub-folder of a static server, with nothing else to reach.
//
//   PYTHON=../.venv/bin/python CHROMIUM=/usr/bin/chromium npm test

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertClose, browserFor, overflowing, path, PHONE, python } from './browser.js'

const { open, ready } = browserFor('')

/** The poses and codes that the page shows, as plain arrays with null for missing coordinates. */
const shown = (page) =>
  page.evaluate(() => {
    const plain = (pose) => Array.from(pose, (value) => (Number.isNaN(value) ? null : value))
    const { clean, observed, denoised, lender, transferred, poseCode, viewCode } = window.tfpose
    const values = { clean, observed, denoised, lender, transferred, poseCode, viewCode }
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value)]))
  })

/** Waits until what people did is on the screen. */
const settled = (page) => page.waitForFunction('window.tfpose.isCurrent()')

const numberOf = (page, name) => page.evaluate((name) => window.tfpose.skeleton.names.indexOf(name), name)
const between = (pose, other, j) => Math.hypot(...[0, 1, 2].map((axis) => pose[3 * j + axis] - other[3 * j + axis]))

/** Where a joint is on the screen. */
const find = (page, j) => page.evaluate((j) => tfpose.screen(tfpose.observed.subarray(3 * j, 3 * j + 3)), j)

/** Pulls a joint with the mouse until it is `metres` from where it was; the button stays down. */
async function pull(page, name, metres, [across, up]) {
  await settled(page)
  const j = await numberOf(page, name)
  const start = await find(page, j)
  const move = async (pixels, steps) => {
    await page.mouse.move(start.x + across * pixels, start.y - up * pixels, { steps })
    await settled(page)
    const { clean, observed } = await shown(page)
    return between(clean, observed, j)
  }
  await page.mouse.move(start.x, start.y)
  await page.mouse.down()
  const scale = (await move(50, 2)) / 50 // everywhere the same: joints are moved at one depth
  await move(metres / scale, 5)
  return j
}

/** Makes a page as browsers are whose WebAssembly lacks relaxed SIMD, which LiteRT.js tries out on a tiny module. */
async function withoutRelaxedSimd(page) {
  await page.addInitScript(() => {
    const { instantiate } = WebAssembly
    WebAssembly.instantiate = async (module, ...rest) => {
      if (module.byteLength < 100) throw new WebAssembly.CompileError('no relaxed SIMD')
      return instantiate(module, ...rest)
    }
  })
}

const interpret = (calls) =>
  JSON.parse(python('interpreter.py', [path('../dist/model.tflite')], JSON.stringify(calls)))

test('a joint that is dragged away comes back', async (t) => {
  const { page, problems } = await ready()
  await page.selectOption('#clip', { index: 1 })
  await page.fill('#time', '45')
  for (const [name, direction] of [
    ['knee_left', [1, 0]],
    ['head', [-0.7, 0.7]],
    ['elbow_right', [-1, 0]],
  ]) {
    const j = await pull(page, name, 0.4, direction)
    const { clean, observed, denoised } = await shown(page)
    const [away, left] = [between(clean, observed, j), between(clean, denoised, j)]
    t.diagnostic(`${name}: dragged ${(1000 * away).toFixed()} mm away, ${(1000 * left).toFixed()} mm when denoised`)
    assert.ok(Math.abs(away - 0.4) < 0.02)
    assert.ok(left < away / 3, `${name} is still ${left} m away`)
    assert.equal(await page.locator('#joints .distrusted').filter({ hasText: name.replace('_', ' ') }).count(), 1)
    await page.mouse.up()
    await page.click('#reset')
  }
  await settled(page)
  const { clean, observed } = await shown(page)
  assert.deepEqual(observed, clean)
  assert.deepEqual(problems, [])
})

for (const [runtime, prepare] of [
  ['litert_wasm_internal', async () => {}],
  ['litert_wasm_compat_internal', withoutRelaxedSimd],
]) {
  test(`the numbers of ${runtime} are those of the Python interpreter`, async () => {
    const { page, problems } = await ready({}, prepare)
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name))
    assert.ok(loaded.some((name) => name.endsWith(`/wasm/${runtime}.wasm`)), `loaded ${loaded}`)
    const knee = await pull(page, 'knee_right', 0.3, [-1, 0])
    await page.mouse.up()
    await page.locator('#joints button').filter({ hasText: 'wrist left' }).click()
    await page.click('#remove')
    await page.fill('#angle', '-110')
    await settled(page)
    const { clean, observed, denoised, lender, transferred, poseCode, viewCode } = await shown(page)
    assert.ok(Math.abs(between(clean, observed, knee) - 0.3) < 0.02)
    assert.equal(observed.filter((value) => value === null).length, 3)
    const [denoise, transfer, encode, encodeLender] = interpret([
      { signature: 'denoise', inputs: { joints: observed } },
      { signature: 'transfer_view', inputs: { joints: denoised, view_from: lender } },
      { signature: 'encode', inputs: { joints: denoised } },
      { signature: 'encode', inputs: { joints: lender } },
    ])
    assertClose(denoised, denoise.denoised, 'denoised')
    assertClose(transferred, transfer.transferred, 'transferred')
    assertClose(poseCode, encode.pose_code, 'pose code')
    assertClose(viewCode, encodeLender.view_code, 'view code')
    assert.deepEqual(problems, [])
  })
}

test('a missing joint is filled and given back', async () => {
  const { page, problems } = await ready()
  const j = await numberOf(page, 'elbow_left')
  const { x, y } = await find(page, j)
  await page.mouse.dblclick(x, y)
  await settled(page)
  const gone = await shown(page)
  assert.equal(gone.observed[3 * j], null)
  assert.ok(between(gone.clean, gone.denoised, j) < 0.2)
  assert.equal(await page.textContent('#remove'), 'Give back elbow left')
  const filled = await page.evaluate((j) => tfpose.screen(tfpose.denoised.subarray(3 * j, 3 * j + 3)), j)
  await page.mouse.move(filled.x, filled.y)
  await page.mouse.down()
  await page.mouse.move(filled.x + 30, filled.y, { steps: 3 })
  await page.mouse.up()
  assert.equal(await page.textContent('#remove'), 'Remove elbow left')
  await page.locator('#denoise').press('Delete')
  await page.locator('#denoise').press('ArrowUp')
  await page.locator('#denoise').press('ArrowUp')
  await settled(page)
  const back = await shown(page)
  assert.ok(Math.abs(between(back.clean, back.observed, j) - 0.1) < 1e-4) // two steps
  assert.deepEqual(problems, [])
})

test('the slider turns the view of the pose, by the keyboard too', async (t) => {
  const { page, problems } = await ready()
  const [faces, headings] = [{}, []]
  for (const angle of [-120, 0, 90]) {
    await page.fill('#angle', String(angle))
    await settled(page)
    faces[angle] = parseInt((await page.textContent('#turned')).split('faces')[1])
    const off = ((faces[angle] - angle + 540) % 360) - 180
    const code = await page.textContent('#view-angles')
    t.diagnostic(`asked ${angle}°, faces ${faces[angle]}°; view code: ${code}`)
    assert.ok(Math.abs(off) < 15, `asked ${angle}°, faces ${faces[angle]}°`)
    headings.push(parseInt(code.split('turned')[1]))
    // The network chose its frame.
    assert.ok(Math.abs(((headings.at(-1) - angle + 540) % 360) - 180) < 30, `asked ${angle}°, view code: ${code}`)
    assert.ok(parseInt(code.split('tilted')[1]) < 30, code)
  }
  // It turns exactly as the lender does; both are rounded.
  for (const [i, turn] of [120, 90].entries()) {
    assert.ok(Math.abs(((headings[i + 1] - headings[i] - turn + 540) % 360) - 180) <= 1, `turned ${headings}`)
  }
  const before = await shown(page)
  await page.locator('#angle').press('ArrowRight')
  await settled(page)
  const after = await shown(page)
  assert.equal(await page.inputValue('#angle'), '91')
  assert.notDeepEqual(after.transferred, before.transferred)
  assert.notDeepEqual(after.viewCode, before.viewCode)
  assert.deepEqual(after.poseCode, before.poseCode)
  assert.deepEqual(after.denoised, before.denoised)
  assert.deepEqual(problems, [])
})

test('a clip plays, and the page says how fast', async (t) => {
  const { page, problems } = await ready()
  await page.click('#play')
  await page.waitForFunction(() => document.querySelector('#time').valueAsNumber > 20)
  await page.click('#play')
  const { milliseconds, interval } = await page.evaluate(() => window.tfpose)
  t.diagnostic(`${await page.textContent('#speed')} (WebGL in software)`)
  for (const time of [interval, milliseconds.denoise, milliseconds.transfer_view, milliseconds.encode]) {
    assert.ok(Number.isFinite(time) && time > 0)
  }
  assert.deepEqual(problems, [])
})

test('the model says what it is', async () => {
  const { page } = await ready()
  const card = await page.textContent('#card')
  for (const fact of ['sebirenet_cmu', 'MB', 'paper17', 'Apache-2.0']) assert.ok(card.includes(fact), fact)
})

test('on a phone nothing overflows, and fingers move joints', async () => {
  const { page, problems } = await ready(PHONE)
  assert.deepEqual(await overflowing(page), [])
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.viewport.width)

  await settled(page)
  const j = await numberOf(page, 'wrist_right')
  const touch = await page.context().newCDPSession(page)
  const send = async (type, touchPoints) => {
    await touch.send('Input.dispatchTouchEvent', { type, touchPoints })
    await settled(page) // as with the mouse: a browser gives up touches that a busy page leaves unanswered
  }
  const drag = async () => {
    const { x, y } = await find(page, j)
    await send('touchStart', [{ x, y }])
    for (let step = 1; step <= 5; step++) await send('touchMove', [{ x: x - 12 * step, y: y - 6 * step }])
    await send('touchEnd', [])
    const { clean, observed } = await shown(page)
    return between(clean, observed, j)
  }
  let moved = 0
  for (let attempt = 0; attempt < 3 && moved < 0.1; attempt++) moved = await drag() // some are dropped even so
  assert.ok(moved > 0.1, `moved by ${moved} m`)
  assert.deepEqual(problems, [])
})

const block = (pattern) => (page) => page.route(pattern, (route) => route.abort())
const answer = (pattern, response) => (page) => page.route(pattern, (route) => route.fulfill(response))
const noContext = () => (HTMLCanvasElement.prototype.getContext = () => null)

for (const [what, says, prepare] of [
  ['the runtime', 'The WebAssembly runtime did not load.', block('**/wasm/*.js')],
  ['the model', 'The model did not load.', answer('**/model.tflite', { status: 404 })],
  ['a sound model', 'The model is damaged.', answer('**/model.tflite', { body: 'TFL' })],
  ['the clips', 'The clips did not load.', block('**/clips.json')],
  ['WebGL', 'There is no WebGL, which draws the bodies.', (page) => page.addInitScript(noContext)],
]) {
  test(`without ${what} the page says so`, async () => {
    const { page } = await open({}, prepare)
    await page.locator('[role=alert]', { hasText: says }).waitFor({ timeout: 60_000 })
    assert.equal(await page.locator('main').isVisible(), false)
  })
}

test('a picture for the README', async () => {
  const { page, problems } = await ready()
  await page.selectOption('#clip', { index: 1 })
  await page.fill('#time', '45')
  await pull(page, 'elbow_left', 0.4, [0.8, -0.6])
  await page.waitForTimeout(3000) // the times shown are means of what came last
  python('palette.py', [path('../../results/figures/web.png')], await page.screenshot())
  await page.mouse.up()
  assert.deepEqual(problems, [])
})
