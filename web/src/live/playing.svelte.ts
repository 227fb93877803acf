import type { Run } from './run.svelte'

/** Stored frames that are shown in a second. */
const PER_SECOND = 16

/** The stored step after the one shown; the first where the newest is shown, null after the last. */
export function following(steps: readonly number[], at: number | null): number | null {
  if (at === null || at >= (steps.at(-1) ?? -1)) return null
  return steps.find((step) => step > at) ?? null
}

/** Plays the stored history, frame by frame, until its end, or until someone goes elsewhere in it. */
export class Playing {
  on = $state(false)
  private turn = 0

  /** `done`: at the end of the history, or where it was stopped. */
  constructor(
    private readonly run: Pick<Run, 'timeline' | 'at' | 'show' | 'loadingStep'>,
    private readonly done: (step: number | null) => void,
    private readonly pause = wait,
  ) {}

  toggle(): void {
    if (this.on) this.stop()
    else void this.play()
  }

  stop(): void {
    if (!this.on) return
    this.end()
    this.done(this.run.at)
  }

  /** Stop and show nothing: the page is left, or shows another step. */
  end(): void {
    this.on = false
    this.turn += 1
  }

  private async play(): Promise<void> {
    const { run } = this
    const mine = ++this.turn
    let step = following(run.timeline, run.at) ?? run.timeline[0]
    if (step === undefined) return
    this.on = true
    for (;;) {
      const next = this.pause(1000 / PER_SECOND)
      await run.show(step)
      await next
      if (mine !== this.turn) return
      if (run.at !== step) return this.end() // someone went elsewhere
      const after = following(run.timeline, step)
      if (after === null) break
      step = after
    }
    this.end()
    this.done(null)
  }
}

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
