const [LOW, ZERO, HIGH] = [[92, 170, 255], [18, 23, 34], [255, 180, 84]]

/** Draws a code as one cell per number, `columns` in a row: blue below zero, amber above, strongest from `full` on. */
export function drawCode(canvas, code, columns, full) {
  canvas.width = columns
  canvas.height = code.length / columns
  const image = new ImageData(canvas.width, canvas.height)
  code.forEach((value, i) => {
    const part = Math.min(1, Math.abs(value) / full)
    const end = value < 0 ? LOW : HIGH
    image.data.set([...ZERO.map((zero, c) => zero + part * (end[c] - zero)), 255], 4 * i)
  })
  canvas.getContext('2d').putImageData(image, 0, 0)
}
