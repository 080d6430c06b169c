/** The text of a file: UTF-16 with a byte order mark, UTF-8, else Latin-1; its lines end in a newline. */
export function decode(bytes) {
  return decoded(bytes).replace(/\r\n?/g, '\n').replaceAll('\0', '')
}

function decoded(bytes) {
  const mark = 256 * bytes[0] + bytes[1]
  if (mark === 0xfffe || mark === 0xfeff)
    return new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('latin1').decode(bytes)
  }
}

/** An error that says in which line of `text` the place `at` is. */
export const errorAt = (text, at, what) => new Error(`line ${text.slice(0, at).split('\n').length}: ${what}`)

/** A number that was computed, with the ten digits that files have of it. */
export const rounded = (value) => Number(value.toPrecision(10))
