import { firstAtLeast } from './trails'

/**
 * Where steps lie along the timeline, as a share of its width. Frames are stored close together at first and ever further apart:
 * on an even scale those of the beginning would share a pixel. So what is past is spaced half by its steps and half by its stored
 * frames, and each of them has room to be picked; where the run stands, and what is to come, lie where an even scale has them.
 */
export class Axis {
  private readonly steps: number[]
  private readonly places: number[]

  constructor(stored: number[], now: number, end: number) {
    const past = stored.filter((step) => step > 0 && step < now)
    this.steps = [0, ...past, now]
    const share = now / Math.max(1, end)
    this.places = this.steps.map((step, i) => (share * (step / Math.max(1, now) + i / (past.length + 1))) / 2)
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
