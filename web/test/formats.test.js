// The page's readers of files, beside those of Python: the same joints, rate, unit and axes, and all of them come back.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { path, python } from './browser.js'
import { readClip, writeClip } from '../src/formats/clip.js'
import { readSkeleton } from '../src/skeleton.js'

const tables = JSON.parse(readFileSync(path('../public/rigs.json')))
const skeleton = readSkeleton(JSON.parse(readFileSync(path('../public/stream.json'))).skeleton)
const folder = mkdtempSync(join(tmpdir(), 'tfpose-'))
const expected = JSON.parse(python('formats.py', ['make', folder]))
mkdirSync(join(folder, 'out'))

for (const [name, python] of Object.entries(expected)) {
  test(`${name} is read as in Python`, () => {
    const clip = readClip(name, readFileSync(join(folder, name)), skeleton, tables)
    assert.ok(Math.abs(clip.rate - python.rate) < 1e-6 * python.rate, `${clip.rate} Hz, in Python ${python.rate}`)
    assert.ok(Math.abs(clip.unit - python.unit) < 1e-6 * python.unit)
    assert.equal(clip.up, python.up)
    assert.equal(clip.observed.length, python.observed.length)
    python.observed.forEach((value, at) => {
      if (value === null) assert.ok(Number.isNaN(clip.observed[at]))
      else assert.ok(Math.abs(clip.observed[at] - value) < 1e-5, `${clip.observed[at]}, in Python ${value}`)
    })
    const clean = clip.observed.map((value) => (Number.isNaN(value) ? 0.5 : value))
    writeFileSync(join(folder, 'out', name), writeClip(clip, clean))
  })
}

test('what was missing and is filled is there when it is read again', () => {
  const missing = JSON.parse(python('formats.py', ['missing', folder]))
  assert.deepEqual(Object.keys(missing), Object.keys(expected))
  for (const [name, count] of Object.entries(missing)) assert.equal(count, 0, name)
  const [many, none] = ['hardly_seen.json', 'unnamed.json'].map((name) => expected[name].observed.includes(null))
  assert.deepEqual([many, none], [true, false])
})
