/**
 * Positions on their way from where they were drawn last to where the newest frame has them. Frames come up to 30 times a second
 * and a screen draws 60: in between, everything goes in a straight line and arrives about when the next frame is due.
 */
export class Tween {
  now: Float32Array = new Float32Array(0)
  private from: Float32Array = new Float32Array(0)
  private to: Float32Array = new Float32Array(0)
  private begun = 0
  private length = 0

  /** `source(row)`: the row of the last positions that this one comes from; -1 = it is new and stands where it is. */
  aim(to: Float32Array, time: number, length: number, source: ((row: number) => number) | null): void {
    const old = this.at(time)
    const from = to.slice()
    if (source && length > 0) {
      for (let row = 0; row < to.length / 2; row++) {
        const was = source(row)
        if (was < 0 || 2 * was >= old.length || Number.isNaN(old[2 * was])) continue
        from[2 * row] = old[2 * was]
        from[2 * row + 1] = old[2 * was + 1]
      }
    }
    this.now = from.slice()
    this.from = from
    this.to = to
    this.begun = time
    this.length = source ? length : 0
  }

  /** Where everything is at this time. */
  at(time: number): Float32Array {
    const { from, to, now } = this
    const t = this.length > 0 ? Math.min(1, Math.max(0, (time - this.begun) / this.length)) : 1
    for (let i = 0; i < to.length; i++) now[i] = from[i] + (to[i] - from[i]) * t
    return now
  }

  moving(time: number): boolean {
    return time - this.begun < this.length
  }
}

/** About how long it is between two frames, so that motion lasts as long: a moving average, kept in bounds. */
export class Rhythm {
  private last = 0
  private mean = 60

  beat(time: number): number {
    const gap = time - this.last
    this.last = time
    if (gap > 0 && gap < 1000) this.mean += (gap - this.mean) * 0.2
    return gap >= 1000 ? 180 : Math.min(300, Math.max(16, this.mean * 1.1))
  }
}
