// What the tests of all pages share: a real browser, and the built pages in a sub-folder of a static server.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { after, before } from 'node:test'

import { chromium } from 'playwright-core'

import { serve } from './server.js'

export const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }
const PYTHON = process.env.PYTHON ?? path('../../.venv/bin/python')
const DESKTOP = { width: 1440, height: 900 }
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
]

/** Runs a browser for the tests of a page, with `flags` of its own, and gives what opens the page. */
export function browserFor(file, flags = () => []) {
  let server, browser

  before(async () => {
    server = await serve(path('../dist'), '/some/folder/')
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
    browser = await chromium.launch({ executablePath, args: [...FLAGS, ...flags()] })
  })

  after(async () => {
    await browser?.close()
    server?.stop()
  })

  /** A new page, in the place of the last, and all that went wrong on it. `prepare` runs before it is loaded. */
  async function open(options = {}, prepare = async () => {}) {
    for (const context of browser.contexts()) await context.close()
    // People who ask for little motion get a clip that stands still until they play it, and so do these tests.
    const context = await browser.newContext({ viewport: DESKTOP, reducedMotion: 'reduce', ...options })
    const page = await context.newPage()
    const problems = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    page.on('request', (request) => {
      const url = request.url()
      if (!/^(data|blob):/.test(url) && !url.startsWith(server.address)) problems.push(`left the folder: ${url}`)
    })
    await prepare(page)
    await page.goto(server.address + file)
    return { page, problems }
  }

  async function ready(options, prepare) {
    const opened = await open(options, prepare)
    await opened.page.waitForFunction('window.tfpose', null, { timeout: 60_000 })
    return opened
  }

  return { open, ready }
}

/** What a program of this folder writes to stdout, given its arguments and stdin. */
export function python(program, args, input) {
  const stdio = ['pipe', 'pipe', 'ignore'] // the interpreter's log
  return execFileSync(PYTHON, [path(program), ...args], { input, stdio, maxBuffer: 2 ** 26 })
}

export function assertClose(ours, theirs, what) {
  assert.equal(ours.length, theirs.length)
  const apart = ours.map((value, i) => (value === theirs[i] ? 0 : Math.abs(value - theirs[i])))
  assert.ok(Math.max(...apart) <= 1e-4, `${what} differs from what Python computes by ${Math.max(...apart)}`)
}

/** What of the page lies outside of the window, to its right. */
export const overflowing = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.id || element.tagName),
  )
