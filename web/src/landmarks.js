/**
 * The model's joints `[J * 3]`, metres, y up, of MediaPipe's world landmarks: `{x, y, z, visibility}` each, y down,
 * from the middle of the hips. A joint is missing (NaN) where a landmark that it is made of is hidden, and all are
 * where nobody was found.
 *
 * @param rules of `landmarks.json`
 */
export function jointsOf(landmarks, { rules, axes, visible }) {
  const joints = new Float32Array(3 * rules.length).fill(NaN)
  for (const [j, rule] of rules.entries()) {
    if (!landmarks || rule.some(([at]) => landmarks[at].visibility < visible)) continue
    for (const [axis, name] of ['x', 'y', 'z'].entries()) {
      joints[3 * j + axis] = axes[axis] * rule.reduce((sum, [at, weight]) => sum + weight * landmarks[at][name], 0)
    }
  }
  return joints
}

/** Draws landmarks, 0 to 1 across and down, on a canvas that lies over the picture; none where nobody was found. */
export function drawLandmarks(canvas, landmarks, { bones, visible }, colour) {
  const context = canvas.getContext('2d')
  context.clearRect(0, 0, canvas.width, canvas.height)
  if (!landmarks) return
  context.strokeStyle = colour
  context.lineWidth = Math.max(2, canvas.width / 160)
  context.beginPath()
  for (const ends of bones) {
    const [from, to] = ends.map((at) => landmarks[at])
    if (Math.min(from.visibility, to.visibility) < visible) continue
    context.moveTo(from.x * canvas.width, from.y * canvas.height)
    context.lineTo(to.x * canvas.width, to.y * canvas.height)
  }
  context.stroke()
}
