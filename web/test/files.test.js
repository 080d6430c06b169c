// Files that are dropped on the live page: cleaned, and given back in their own form.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'

import { browserFor, overflowing, path, PHONE, python } from './browser.js'

const SMALL = { viewport: { width: 800, height: 560 } } // WebGL in software is slow
const BROKEN = 33 // a frame in the middle of those that `files.py` breaks
const { ready } = browserFor('live.html')
const folder = mkdtempSync(join(tmpdir(), 'tfpose-'))

before(() => python('files.py', ['make', folder]))

/** Drops a file on the page. */
async function drop(page, name, content) {
  const data = await page.evaluateHandle(
    ([name, bytes]) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name))
      return data
    },
    [name, Buffer.from(content).toString('base64')],
  )
  await page.dispatchEvent('#figures', 'dragover', { dataTransfer: data })
  await page.dispatchEvent('#figures', 'drop', { dataTransfer: data })
}

/** Drops a file of `folder`, and gives where the clean one is saved. */
async function cleaned(page, name, take = drop) {
  await take(page, name, readFileSync(join(folder, name)))
  const link = page.locator('#download')
  await link.waitFor({ timeout: 60_000 })
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  assert.equal(download.suggestedFilename(), name.replace('.', '_clean.'))
  const out = join(folder, `out_${name}`)
  await download.saveAs(out)
  return out
}

/** The distance of a joint from another joint of its pose. */
const between = (pose, other, root, joint) =>
  Math.hypot(
    ...[0, 1, 2].map((a) => pose[3 * joint + a] - pose[3 * root + a] - other[3 * joint + a] + other[3 * root + a]),
  )

for (const name of ['walk.bvh', 'mixamo.bvh', 'walk.trc', 'walk.json', 'plain.json']) {
  test(`${name} is shown clean beside itself, and comes back`, async (t) => {
    const { page, problems } = await ready(SMALL)
    const out = await cleaned(page, name)
    const said = JSON.parse(python('files.py', ['check', path('../dist/stream.tflite'), join(folder, name), out]))
    const [wrong, right] = said.error
    t.diagnostic(`broken frames: ${(1000 * wrong).toFixed(1)} mm off, cleaned ${(1000 * right).toFixed(1)} mm`)
    t.diagnostic(`${(100 * said.moved).toFixed()} % of the joints moved; ${said.beside_python} m from Python`)
    assert.ok(said.joints)
    assert.equal(...said.rate)
    assert.ok(right < 0.3 * wrong, `${wrong} m became ${right} m`)
    assert.equal(said.untouched, 0)
    assert.ok(said.beside_python < 1e-4)
    assert.equal(said.missing[1], 0)

    // What is on the screen in a broken frame.
    await page.click('#play')
    const shown = await page.waitForFunction((frame) => {
      const { raw, clean, ...rest } = window.tfpose
      return rest.frame >= frame && rest.frame < frame + 4 && { frame: rest.frame, raw: [...raw], clean: [...clean] }
    }, BROKEN - 2)
    const { frame, raw, clean } = await shown.jsonValue()
    const off = (pose) => Math.max(...[11, 12].map((joint) => between(pose, said.truth[frame], 0, joint)))
    t.diagnostic(`left leg ${(1000 * off(raw)).toFixed()} mm off, cleaned ${(1000 * off(clean)).toFixed()} mm`)
    assert.ok(off(raw) > 0.2 && off(clean) < 0.5 * off(raw))
    assert.equal(await page.textContent('#says'), '')
    assert.deepEqual(problems, [])
  })
}

test('a file can be chosen, left for a clip, and chosen again', async () => {
  const { page, problems } = await ready(SMALL)
  const choose = (page, name) => page.setInputFiles('#file', join(folder, name))
  await cleaned(page, 'walk.bvh', choose)
  assert.equal(await page.locator('#clip option:checked').textContent(), 'walk.bvh')
  assert.match(await page.textContent('#facts'), /Frames70, 30 per second.*Moved over 3 cm[1-9]/)
  await page.selectOption('#clip', { index: 0 })
  await page.waitForFunction('tfpose.truth')
  assert.ok(await page.locator('#score').isVisible())
  await page.selectOption('#clip', { label: 'walk.bvh' })
  await page.waitForFunction('!tfpose.truth')
  assert.ok(await page.locator('#download').isVisible())
  await cleaned(page, 'walk.trc', choose)
  assert.equal(await page.locator('#clip option', { hasText: '.' }).count(), 1)
  assert.deepEqual(problems, [])
})

const walk = () => readFileSync(join(folder, 'walk.bvh'), 'utf8')

const DAMAGED = [
  ['cut.bvh', () => walk().slice(0, 30_000), /cut\.bvh: expected 70 frames of 96 numbers/],
  ['odd.bvh', () => walk().replace(/(Frame Time.*\n)\S+/, '$1abc'), /line 188: 'abc' is not a number/],
  ['empty.bvh', () => '', /empty\.bvh: not a BVH file/],
  ['odd.json', () => '{"frames": [', /odd\.json: not JSON/],
  ['odd.json', () => '{"a": 1}', /it holds no poses/],
  ['flat.json', () => JSON.stringify([Array(33).fill([1, 2])]), /two coordinates/],
  ['cat.trc', () => 'PathFileType\n\n\n0\t0\ttail\n\n1\t0\t1\t2\t3\n', /joints are not those of a person/],
  ['walk.txt', () => 'a', /only files that end in \.bvh, \.trc, \.json/],
]

test('of a damaged file the page says in one line what is wrong, and plays on', async () => {
  const { page, problems } = await ready(SMALL)
  await page.click('#play')
  for (const [name, content, says] of DAMAGED) {
    await drop(page, name, content())
    await page.locator('#says[role=alert]', { hasText: says }).waitFor()
    assert.ok((await page.textContent('#says')).length < 200)
    const shown = await page.evaluate('tfpose.frames')
    await page.waitForFunction((shown) => window.tfpose.frames > shown + 2, shown)
  }
  assert.equal(await page.locator('#download').isVisible(), false)
  assert.deepEqual(problems, [])
})

test('on a phone a file can be opened, and nothing overflows', async () => {
  const { page, problems } = await ready(PHONE)
  await cleaned(page, 'walk.bvh')
  assert.deepEqual(await overflowing(page), [])
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.viewport.width)
  assert.deepEqual(problems, [])
})
