/** Where the codes of every level have been, by step: from frames as they come and from frames fetched of the timeline. */
export class Trails {
  private steps: number[] = []
  private places: Float32Array[] = []
  private revived: (Int32Array | null)[] = []
  version = 0

  constructor(readonly most = 160) {}

  clear(): void {
    this.steps = []
    this.places = []
    this.revived = []
    this.version += 1
  }

  add(step: number, codes: Float32Array, revived: Int32Array | null): void {
    if (this.places.length && this.places[0].length !== codes.length) this.clear()
    const at = firstAtLeast(this.steps, step)
    if (this.steps[at] === step) return
    this.steps.splice(at, 0, step)
    this.places.splice(at, 0, codes.slice())
    this.revived.splice(at, 0, revived?.slice() ?? null)
    if (this.steps.length > this.most) this.thin()
    this.version += 1
  }

  /** Up to a step: the steps and the positions of all codes at each, oldest first. */
  until(step: number): { places: Float32Array[]; revived: (Int32Array | null)[]; steps: number[] } {
    const end = firstAtLeast(this.steps, step + 1)
    return { places: this.places.slice(0, end), revived: this.revived.slice(0, end), steps: this.steps.slice(0, end) }
  }

  /** Leave out the entry whose neighbours in time lie closest together, so that the whole history stays covered evenly. */
  private thin(): void {
    let tightest = 1
    let least = Infinity
    for (let i = 1; i < this.steps.length - 8; i++) {
      const gap = this.steps[i + 1] - this.steps[i - 1]
      if (gap < least) {
        least = gap
        tightest = i
      }
    }
    this.steps.splice(tightest, 1)
    this.places.splice(tightest, 1)
    this.revived.splice(tightest, 1)
  }
}

/** The first index whose value is at least `wanted`, in a rising list. */
export function firstAtLeast(values: ArrayLike<number>, wanted: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle] < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** At most so many of a list, evenly, the first and the last among them. */
export function evenly(values: number[], most: number): number[] {
  if (values.length <= most) return values
  return Array.from({ length: most }, (_, i) => values[Math.round((i * (values.length - 1)) / (most - 1))])
}

/** The value in a rising list that lies nearest. */
export function nearest(values: number[], wanted: number): number | null {
  if (!values.length) return null
  const at = firstAtLeast(values, wanted)
  if (at === 0) return values[0]
  if (at === values.length) return values[at - 1]
  return wanted - values[at - 1] <= values[at] - wanted ? values[at - 1] : values[at]
}
