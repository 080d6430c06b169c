import { drawCode } from './codes.js'
import { $, element } from './page.js'
import { angles, facing, isMissing, meanDistance } from './pose.js'
import { spoken } from './skeleton.js'

const LONGEST = 0.5 // metres that fill the bar of a joint

export const millimetres = (metres) => `${Math.round(1000 * metres)} mm`

/** Writes what is shown as numbers: errors, angles, joints, codes. */
export function write(skeleton, state, shown) {
  const { clean, observed, denoised, moved, distrusted, transferred, poseCode, viewCode } = shown
  $('error-observed').textContent = millimetres(meanDistance(observed, clean))
  $('error-denoised').textContent = millimetres(meanDistance(denoised, clean))
  $('time').value = state.frame
  const faces = Math.round(facing(transferred, skeleton))
  $('turned').textContent = $('angle').ariaValueText = `${state.angle}°, faces ${faces}°`
  drawCode($('pose-code'), poseCode, poseCode.length / skeleton.names.length, 0.7)
  drawCode($('view-code'), viewCode, Math.sqrt(viewCode.length), 1)
  if (viewCode.length === 9) {
    const [turned, tilted] = Object.values(angles(viewCode)).map(Math.round)
    $('view-angles').textContent = `turned ${turned}°, tilted ${tilted}°`
  }
  for (const [j, row] of [...$('joints').children].entries()) {
    const missing = isMissing(observed, j)
    row.classList.toggle('distrusted', missing || distrusted(j))
    row.style.setProperty('--share', missing ? 1 : Math.min(1, moved[j] / LONGEST))
    row.querySelector('b').textContent = missing ? 'missing' : millimetres(moved[j])
  }
}

/** Writes how many milliseconds each signature takes, and a frame with all of them. */
export function writeSpeed(signatures, frame) {
  const times = Object.entries({ ...signatures, frame }).map(([name, time]) => `${spoken(name)} ${time.toFixed(1)} ms`)
  $('speed').textContent = times.join(' · ')
}

/** Writes what the model says about itself. */
export function writeCard(card) {
  const facts = {
    Name: card.name,
    Size: `${megabytes(card)}, ${card.parameters.toLocaleString('en')} parameters`,
    Skeleton: `${card.skeleton.name}, ${card.skeleton.joints.length} joints`,
    Units: `${card.unit}, ${card.axes}`,
    'Runs on': `${card.kind}, WebAssembly, this device`,
    'Trained on': card.lineage,
    Licence: card.licence,
    'SHA-256': card.sha256,
  }
  writeFacts($('card'), facts)
}

/** Writes facts, `{term: text}`, into a list of the page. */
export function writeFacts(list, facts) {
  list.replaceChildren(...Object.entries(facts).flatMap(([term, text]) => [element('dt', term), element('dd', text)]))
}

export const megabytes = (card) => `${(card.bytes / 1e6).toFixed(1)} MB`
