import { handle } from './handle.js'
import { $, element } from './page.js'
import { isMissing, joint } from './pose.js'
import { spoken } from './skeleton.js'

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }
const STEP = 0.05 // metres that an arrow key moves a joint
const BROKEN = 3 // joints at once

/**
 * Lets people play, break poses and turn the view.
 *
 * @param state what is wanted; every change of it counts up `state.version`
 * @param shown what is on the screen now
 */
export function connect(skeleton, clips, state, shown, stage) {
  const change = (values) => Object.assign(state, values, { version: state.version + 1 })

  // --- joints

  const position = (j) => joint(isMissing(shown.observed, j) ? shown.denoised : shown.observed, j)
  const setEdits = (edits) => {
    change({ edits })
    labelRemove()
  }
  const edit = (j, offset) => setEdits(new Map(state.edits).set(j, offset))
  const place = (j, point) => edit(j, point.map((value, axis) => value - shown.clean[3 * j + axis]))
  const isRemoved = (j) => state.edits.get(j) === null

  const choose = (chosen) => {
    state.chosen = chosen
    for (const [j, { firstElementChild }] of [...$('joints').children].entries()) {
      firstElementChild.ariaPressed = j === chosen
    }
    labelRemove()
  }
  const labelRemove = () => {
    const name = spoken(skeleton.names[state.chosen] ?? 'joint')
    $('remove').textContent = `${isRemoved(state.chosen) ? 'Give back' : 'Remove'} ${name}`
    $('remove').disabled = state.chosen < 0
  }
  const removeOrReturn = (j) => {
    if (isRemoved(j)) setEdits(new Map([...state.edits].filter(([other]) => other !== j)))
    else edit(j, null)
  }

  skeleton.names.forEach((name, j) => {
    const [row, button] = [element('li'), element('button')]
    button.append(element('span', spoken(name)), element('b'))
    button.onclick = () => choose(j)
    row.append(button)
    $('joints').append(row)
  })
  choose(state.chosen)
  $('remove').onclick = () => removeOrReturn(state.chosen)
  $('reset').onclick = () => setEdits(new Map())
  $('break').onclick = () => {
    const joints = [...skeleton.names.keys()].sort(() => Math.random() - 0.5)
    for (const j of joints.slice(0, BROKEN)) edit(j, randomOffset())
  }

  handle(stage, skeleton.names.length, position, {
    hover(j) {
      stage.canvas.classList.toggle('reachable', j >= 0)
      $('tip').hidden = j < 0
      if (j < 0) return
      const [{ x, y }, box] = [stage.toScreen(position(j)), stage.canvas.getBoundingClientRect()]
      $('tip').textContent = spoken(skeleton.names[j])
      $('tip').style.translate = `${x - box.left}px ${y - box.top}px`
    },
    take(j) {
      play(false)
      choose(j)
      $('tip').hidden = true
    },
    move: place,
    twice: removeOrReturn,
  })
  stage.canvas.addEventListener('keydown', (event) => {
    if (state.chosen < 0) return
    if (event.key in ARROWS) {
      const [right, up] = ARROWS[event.key]
      const offset = state.edits.get(state.chosen) ?? [0, 0, 0]
      edit(state.chosen, stage.step(STEP * right, STEP * up).map((step, axis) => offset[axis] + step))
    } else if (event.key === 'Delete' || event.key === 'Backspace') removeOrReturn(state.chosen)
    else return
    event.preventDefault()
  })

  // --- time and view

  const play = (playing) => {
    change({ playing })
    $('play').classList.toggle('playing', playing)
    $('play').ariaLabel = playing ? 'Pause' : 'Play'
  }
  const showClip = (clip) => {
    change({ clip, frame: 0 })
    $('time').max = clip.poses.length - 1
  }
  clips.forEach(({ action }) => $('clip').append(new Option(action)))
  $('clip').onchange = () => showClip(clips[$('clip').selectedIndex])
  $('play').onclick = () => play(!state.playing)
  $('time').oninput = () => {
    play(false)
    change({ frame: $('time').valueAsNumber })
  }
  $('angle').oninput = () => change({ angle: $('angle').valueAsNumber })
  play(state.playing)
  showClip(state.clip)
}

/** As the paper breaks poses: 0.2 to 0.8 m in any direction. */
function randomOffset() {
  const [up, turn] = [2 * Math.random() - 1, 2 * Math.PI * Math.random()]
  const across = Math.sqrt(1 - up ** 2)
  const length = 0.2 + 0.6 * Math.random()
  return [across * Math.cos(turn), up, across * Math.sin(turn)].map((part) => length * part)
}
