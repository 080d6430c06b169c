import { readFileSync } from 'node:fs'

import { defineConfig } from 'vite'

// LiteRT.js picks one of these by what the browser can do, and looks for it by name.
const RUNTIMES = ['litert_wasm_internal', 'litert_wasm_compat_internal']

// A page says `<!-- shared: NAME -->` for what both pages have.
const shared = {
  name: 'shared',
  transformIndexHtml: {
    order: 'pre',
    handler: (html) =>
      html.replace(/<!-- shared: (\w+) -->/g, (_, name) =>
        readFileSync(new URL(`src/shared/${name}.html`, import.meta.url), 'utf8').trim(),
      ),
  },
}

// What MediaPipe's script loads by name, and the script itself, which is no module.
const LANDMARKER = [
  'pose.js',
  'pose_web.binarypb',
  'pose_landmark_full.tflite',
  'pose_solution_packed_assets_loader.js',
  'pose_solution_packed_assets.data',
  ...['pose_solution_simd_wasm_bin', 'pose_solution_wasm_bin'].flatMap((name) => [`${name}.js`, `${name}.wasm`]),
]

const filesOf = (from, names, to) => ({
  name: `files-of-${to}`,
  generateBundle() {
    for (const name of names) {
      const source = readFileSync(new URL(`node_modules/${from}/${name}`, import.meta.url))
      this.emitFile({ type: 'asset', fileName: `${to}/${name}`, source })
    }
  },
})

// Vite names what it bundles.
const landmarkerLicence = {
  name: 'landmarker-licence',
  generateBundle: {
    order: 'post',
    handler(_, bundle) {
      const { version, license } = JSON.parse(
        readFileSync(new URL('node_modules/@mediapipe/pose/package.json', import.meta.url)),
      )
      bundle['licences.md'].source += `\n## @mediapipe/pose - ${version} (${license})\n`
    },
  },
}

const runtimes = RUNTIMES.flatMap((name) => [`${name}.js`, `${name}.wasm`])

export default defineConfig({
  base: './', // the page works in whatever folder it lies
  plugins: [
    shared,
    filesOf('@litertjs/core/wasm', runtimes, 'wasm'),
    filesOf('@mediapipe/pose', LANDMARKER, 'mediapipe'),
    landmarkerLicence,
  ],
  build: {
    chunkSizeWarningLimit: 1000,
    license: { fileName: 'licences.md' },
    rolldownOptions: { input: ['index.html', 'live.html'] },
  },
})
