import { firstAtLeast } from './trails'

/**
 * Where steps lie along the timeline, as a share of its width. Frames are stored close together at first and ever further apart:
 * on an even scale those of the beginning would share a pixel. So what is past is spaced half by its steps and half by its stored
 * frames, and each of them has room to be picked. A run that has just begun would be a hair at the left: what is past has the share
 * (now / end)^0.6 of the width, which moves right with every step and never jumps; what is to come is even in the rest.
 */
const YOUNG = 0.6

export class Axis {
  private readonly steps: number[]
  private readonly places: number[]

  constructor(stored: number[], now: number, end: number) {
    const past = stored.filter((step) => step > 0 && step < now)
    this.steps = [0, ...past, now]
    const share = end > 0 ? (now / end) ** YOUNG : 1
    const first = past[0] === 1 && !stored.includes(0) ? 1 : 0 // where no frame is of step 0, the track begins with that of step 1
    const spread = (step: number, i: number): number =>
      (step - first) / Math.max(1, now - first) + (i - first) / (past.length + 1 - first)
    this.places = this.steps.map((step, i) => (i <= first ? 0 : (share * spread(step, i)) / 2))
    if (end > now) {
      this.steps.push(end)
      this.places.push(1)
    }
  }

  place(step: number): number {
    return along(this.steps, this.places, step)
  }

  step(place: number): number {
    return along(this.places, this.steps, place)
  }

  /** The step of a list whose place lies nearest to a place. */
  nearest(steps: number[], place: number): number | null {
    const at = firstAtLeast(steps, this.step(place))
    const [before, after] = [steps[at - 1], steps[at]]
    if (before === undefined || after === undefined) return before ?? after ?? null
    return place - this.place(before) <= this.place(after) - place ? before : after
  }
}

/** What the straight lines through the points (from[i], to[i]) give for a value; `from` rises. */
function along(from: number[], to: number[], value: number): number {
  const i = Math.min(from.length - 1, Math.max(1, firstAtLeast(from, value)))
  const wide = from[i] - from[i - 1]
  const share = wide > 0 ? Math.min(1, Math.max(0, (value - from[i - 1]) / wide)) : 1
  return to[i - 1] + (to[i] - to[i - 1]) * share
}
