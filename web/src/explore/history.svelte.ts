const MOST = 500

/** States one after the other, with a way back and forth. What one gesture changes is one step. */
export class History<T> {
  now: T = $state.raw() as T
  private past = $state.raw<T[]>([])
  private future = $state.raw<T[]>([])
  private gesture: unknown = null

  constructor(begin: T) {
    this.now = begin
  }

  get canUndo(): boolean {
    return this.past.length > 0
  }
  get canRedo(): boolean {
    return this.future.length > 0
  }

  /** The next state. Of one `gesture` (anything but null) only the first keeps the state before it. */
  put(next: T, gesture: unknown = null): void {
    if (next === this.now) return
    if (gesture === null || gesture !== this.gesture) this.past = [...this.past.slice(1 - MOST), this.now]
    this.gesture = gesture
    this.future = []
    this.now = next
  }

  /** As it was at a state before: what came after is forgotten, since it cannot be. */
  back(to: T): void {
    if (this.past.at(-1) === to) this.past = this.past.slice(0, -1)
    this.gesture = null
    this.now = to
  }

  undo(): void {
    const before = this.past.at(-1)
    if (before === undefined) return
    this.past = this.past.slice(0, -1)
    this.future = [...this.future, this.now]
    this.now = before
    this.gesture = null
  }

  redo(): void {
    const after = this.future.at(-1)
    if (after === undefined) return
    this.future = this.future.slice(0, -1)
    this.past = [...this.past, this.now]
    this.now = after
    this.gesture = null
  }
}
