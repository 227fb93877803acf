import { router } from '../lib/route.svelte'

/** Which frame of a clip is seen, as a share of a round, and whether it goes on by itself. */
export class Player {
  at = $state(0) // 0 to 1
  playing = $state(true)
  private timer = 0
  private last = 0
  private later: ReturnType<typeof setTimeout> | undefined
  private seconds = 2 // of a round

  private written: string | undefined // what the address says of it, as it was written here
  private ready = false // a clip is there

  /** What the address says: where it stands, or that it plays. */
  follow(text: string | undefined): void {
    if (text === this.written) return
    this.written = text
    clearTimeout(this.later)
    cancelAnimationFrame(this.timer)
    this.timer = 0
    const at = Number(text)
    this.playing = text === undefined || !(at >= 0 && at < 1)
    if (!this.playing) this.at = at
    else if (this.ready) this.begin()
  }

  /** A clip of so many frames is seen. */
  take(frames: number, fps: number): void {
    this.ready = true
    this.seconds = Math.max(0.1, frames / fps)
    if (this.playing && !this.timer) this.begin()
  }

  frame(frames: number): number {
    return Math.min(frames - 1, Math.floor(this.at * frames + 1e-3))
  }

  toggle(): void {
    if (this.playing) this.halt()
    else {
      this.playing = true
      this.begin()
      this.note()
    }
  }

  scrub(frame: number, frames: number): void {
    this.halt()
    this.at = ((frame + frames) % frames) / frames
    this.note()
  }

  halt(): void {
    cancelAnimationFrame(this.timer)
    this.timer = 0
    this.playing = false
    this.note()
  }

  end(): void {
    cancelAnimationFrame(this.timer)
    clearTimeout(this.later)
  }

  private begin(): void {
    this.last = performance.now()
    const step = (time: number): void => {
      this.at = (this.at + Math.max(0, time - this.last) / 1000 / this.seconds) % 1
      this.last = time
      this.timer = requestAnimationFrame(step)
    }
    this.timer = requestAnimationFrame(step)
  }

  /** Where it stands still, in the address. */
  private note(): void {
    clearTimeout(this.later)
    this.later = setTimeout(() => {
      const text = this.playing ? undefined : String(Number(this.at.toFixed(6)))
      this.written = text
      router.set({ at: text ?? null })
    }, 150)
  }
}
