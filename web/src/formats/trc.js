// Track Row Column files, as tfpose/formats/trc.py reads and writes them.

import { rounded } from './text.js'

const HEADER = 5 // lines

/** What a file holds. */
export function read(text, tables) {
  const lines = text.split('\n')
  if (lines.length <= HEADER || !/^pathfiletype/i.test(lines[0])) {
    throw new Error('not a TRC file: its first line does not begin with PathFileType')
  }
  const [titles, said] = [cellsOf(lines[1]).map((title) => title.toLowerCase()), cellsOf(lines[2])]
  const about = Object.fromEntries(titles.map((title, n) => [title, said[n]]))
  const names = cellsOf(lines[3]).slice(2).filter(Boolean)
  const rows = lines.flatMap((line, n) => (n >= HEADER && line.trim() ? [n] : []))
  if (!rows.length || !names.length)
    throw new Error(`it has no ${names.length ? 'frames' : 'markers'}; it may be cut off`)
  const values = Float64Array.from(rows.flatMap((row) => numbersOf(lines[row], row + 1, 3 * names.length)))
  const rate = [about.datarate, about.camerarate]
    .map((text) => Number(text?.replace(',', '.')))
    .find((rate) => rate > 0)
  const unit = tables.trc.units[about.units?.toLowerCase()]
  return {
    names,
    parents: null,
    values,
    frames: rows.length,
    rate,
    unit,
    usualUnit: 1,
    usualUp: 'y',
    zeroIsMissing: true,
    layout: { lines, rows },
  }
}

/** The text of a file whose markers are at `targets`; numbers that did not change are as they were. */
export function write({ lines, rows }, targets, values) {
  const result = [...lines]
  const count = targets.length / rows.length
  rows.forEach((row, t) => {
    const cells = cellsOf(lines[row])
    for (let n = 0; n < count; n++) {
      const value = targets[t * count + n]
      const same = value === values[t * count + n] || Number.isNaN(value)
      cells[2 + n] = same ? (cells[2 + n] ?? '') : String(rounded(value))
    }
    result[row] = cells.join('\t')
  })
  return result.join('\n')
}

const cellsOf = (line) => (line.includes('\t') ? line.split('\t') : line.trim().split(/\s+/)).map((cell) => cell.trim())

function numbersOf(line, number, count) {
  const cells = cellsOf(line).slice(2)
  if (cells.slice(count).some(Boolean))
    throw new Error(`line ${number}: expected ${count} numbers, got ${cells.length}`)
  return Array.from({ length: count }, (_, n) => {
    const cell = cells[n] ?? ''
    const blank = /^([-+]?nan|na|)$/i.test(cell)
    const value = blank ? NaN : Number(cell.replace(',', '.'))
    if (Number.isNaN(value) !== blank) {
      throw new Error(`line ${number}: '${cell.slice(0, 40)}' is not a number`)
    }
    return value
  })
}
