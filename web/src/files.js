import { $ } from './page.js'

const MOST = 300e6 // bytes: more text than this is no clip

/** The bytes of a file that somebody opens. They stay in this page. */
export async function bytesOf(file) {
  if (file.size > MOST) throw new Error(`larger than ${MOST / 1e6} MB`)
  return new Uint8Array(await file.arrayBuffer())
}

/** Calls `take` with each file that is dropped on the page or chosen. */
export function onFile(take) {
  const dropping = (on) => document.body.classList.toggle('dropping', on)
  const takeFirst = ([file]) => file && take(file)
  addEventListener('dragover', (event) => {
    event.preventDefault() // else the browser opens it in the place of the page
    dropping(true)
  })
  addEventListener('dragleave', ({ relatedTarget }) => relatedTarget || dropping(false))
  addEventListener('drop', (event) => {
    event.preventDefault()
    dropping(false)
    takeFirst(event.dataTransfer.files)
  })
  $('open').onclick = () => $('file').click()
  $('file').onchange = () => {
    takeFirst($('file').files)
    $('file').value = '' // so that the same file can be chosen again
  }
}

/** Lets people download `text` as a file beside the one of this name; null takes it back. */
export function offer(name, text) {
  URL.revokeObjectURL($('download').href)
  $('download').href = text === null ? '' : URL.createObjectURL(new Blob([text]))
  $('download').download = name.replace(/(\.[^.]*)$/, '_clean$1')
  $('download').hidden = text === null
}
