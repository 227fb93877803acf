import type { Curves, Rows } from '../lib/protocol'

/** The rows of one split, appended to as they come and thinned when they grow long, so that a chart stays quick on a long run. */
export class Table {
  step: number[] = []
  epoch: number[] = []
  series = new Map<string, (number | null)[]>()

  constructor(
    rows?: Rows,
    readonly most = 6000,
  ) {
    if (rows) this.append(rows)
  }

  append(rows: Rows): void {
    const last = this.step.length ? this.step[this.step.length - 1] : -Infinity
    for (let i = 0; i < rows.step.length; i++) {
      if (rows.step[i] <= last) continue
      for (const name of Object.keys(rows.series))
        if (!this.series.has(name))
          this.series.set(
            name,
            this.step.map(() => null),
          )
      this.step.push(rows.step[i])
      this.epoch.push(rows.epoch[i])
      for (const [name, values] of this.series) values.push(rows.series[name]?.[i] ?? null)
    }
    if (this.step.length > this.most) this.thin()
  }

  /** The newest of these values, one for each row, at or before a step, and where it was measured. */
  until(values: (number | null)[] | undefined, step: number): { step: number; value: number } | null {
    for (let i = this.step.length - 1; values && i >= 0; i--) {
      const value = values[i]
      if (this.step[i] <= step && value !== null) return { step: this.step[i], value }
    }
    return null
  }

  /** Keep every second row of the older three quarters. */
  private thin(): void {
    const recent = Math.floor(this.step.length * 0.75)
    const kept = (_: unknown, i: number): boolean => i >= recent || i % 2 === 0
    this.step = this.step.filter(kept)
    this.epoch = this.epoch.filter(kept)
    for (const [name, values] of this.series) this.series.set(name, values.filter(kept))
  }
}

export interface Tables {
  train: Table
  val: Table
}

export const tables = (curves?: Curves): Tables => ({ train: new Table(curves?.train), val: new Table(curves?.val) })
