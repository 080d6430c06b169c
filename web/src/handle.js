const REACH = { mouse: 18, pen: 22, touch: 34 } // CSS pixels about a joint

/**
 * Lets people take joints on a stage with mouse, pen or finger; whatever else they do there moves the camera.
 *
 * @param stage a `Stage` with an orbit
 * @param position the point `[x, y, z]` of a joint
 * @param joints how many there are
 * @param on `{hover(joint or -1), take(joint), move(joint, point), twice(joint)}`
 */
export function handle(stage, joints, position, on) {
  const { canvas, controls } = stage
  let [held, pointer] = [-1, -1]

  const nearest = ({ clientX, clientY, pointerType = 'mouse' }) => {
    let [found, closest] = [-1, REACH[pointerType] ?? REACH.mouse]
    for (let j = 0; j < joints; j++) {
      const { x, y } = stage.toScreen(position(j))
      const distance = Math.hypot(x - clientX, y - clientY)
      if (distance < closest) [found, closest] = [j, distance]
    }
    return found
  }

  // Before the camera's own listeners, which come second on the canvas: a joint that is held must not turn it.
  canvas.parentElement.addEventListener(
    'pointerdown',
    (event) => {
      if (event.target !== canvas || event.button !== 0 || held >= 0) return
      held = nearest(event)
      if (held < 0) return
      pointer = event.pointerId
      controls.enabled = false
      canvas.setPointerCapture(pointer)
      on.take(held)
    },
    { capture: true },
  )
  canvas.addEventListener('pointermove', (event) => {
    if (held < 0) on.hover(event.buttons ? -1 : nearest(event))
    else if (event.pointerId === pointer) on.move(held, stage.fromScreen(event.clientX, event.clientY, position(held)))
  })
  for (const end of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(end, (event) => {
      if (held < 0 || event.pointerId !== pointer) return
      held = -1
      controls.enabled = true
    })
  }
  canvas.addEventListener('pointerleave', () => on.hover(-1))
  canvas.addEventListener('dblclick', (event) => {
    const joint = nearest(event)
    if (joint >= 0) on.twice(joint)
  })
}
