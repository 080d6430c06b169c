// Joints over time as flat arrays [T * J * 3]; a joint with a NaN is missing.

/** How far joint number `i` of `values` is from number `j` of `others`. */
export const distance = (values, i, others, j) =>
  Math.hypot(
    values[3 * i] - others[3 * j],
    values[3 * i + 1] - others[3 * j + 1],
    values[3 * i + 2] - others[3 * j + 2],
  )

/** The median of the numbers that there are; NaN of none. */
export function median(numbers) {
  const sorted = Float64Array.from(numbers).filter(Number.isFinite).sort()
  const half = sorted.length / 2
  return sorted.length ? (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2 : NaN
}

/** The standard deviation of the numbers that there are; infinite of fewer than two. */
export function spread(numbers) {
  const known = numbers.filter(Number.isFinite)
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return known.length > 1 ? Math.sqrt(squares / known.length) : Infinity
}

/** The joints that `rules` make of each frame: `[T * rules.length * 3]`. */
export function combined(values, count, rules) {
  const frames = values.length / 3 / count
  const result = new Float32Array(3 * rules.length * frames)
  for (let i = 0; i < result.length; i++) {
    const [t, j, axis] = [Math.floor(i / 3 / rules.length), Math.floor(i / 3) % rules.length, i % 3]
    result[i] = rules[j].reduce((sum, [part, weight]) => sum + weight * values[3 * (t * count + part) + axis], 0)
  }
  return result
}
