import { Corrections, Figure } from './figure.js'
import { Stage } from './stage.js'

const BLUE = ['#b9d6ff', '#f3f7ff', '#4a9bff']
const RED = ['#ff9a9d', '#ffb9bb', '#ff4f55']
const AMBER = '#ffb454'
const BESIDE = 0.75 // metres from the middle to each figure

/** The pose as it comes in on the left, the clean one on the right. */
export class LiveScene {
  constructor(skeleton, canvas) {
    const around = { camera: [0, 1.3, 5], target: [0, 0.9, 0], width: 3.4, height: 2.3, orbit: true }
    this.stage = new Stage(canvas, around)
    this.raw = new Figure(skeleton, RED, 0.018)
    this.clean = new Figure(skeleton, BLUE, 0.021)
    this.filled = new Corrections(skeleton.names.length, AMBER)
    this.raw.position.x = -BESIDE
    this.clean.position.x = this.filled.position.x = BESIDE
    this.stage.scene.add(this.raw, this.clean, this.filled)
  }

  /** @param floor the height of the floor in the frame of the poses */
  pose({ raw, clean, filled }, floor) {
    this.raw.pose(raw)
    this.clean.pose(clean)
    this.filled.show(clean, clean, (j) => filled[j] > 0)
    for (const figure of [this.raw, this.clean, this.filled]) figure.position.y = -floor
    this.stage.stale = true
  }

  draw() {
    this.stage.draw()
  }
}
