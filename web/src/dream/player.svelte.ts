import { router } from '../lib/route.svelte'

/** Which frame of a clip is seen, as a share of a round, and whether it goes on by itself. */
export class Player {
  at = $state(0) // 0 to 1
  playing = $state(true)
  private timer = 0
  private last = 0
  private later: ReturnType<typeof setTimeout> | undefined
  private seconds = 2 // of a round

  constructor() {
    const frame = Number(router.current.query.at)
    if (router.current.query.at !== undefined && frame >= 0 && frame < 1) {
      this.at = frame
      this.playing = false
    }
  }

  /** A clip of so many frames is seen. */
  take(frames: number, fps: number): void {
    this.seconds = Math.max(0.1, frames / fps)
    if (this.playing && !this.timer) this.begin()
  }

  frame(frames: number): number {
    return Math.min(frames - 1, Math.floor(this.at * frames + 1e-6))
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
    this.later = setTimeout(() => router.set({ at: this.playing ? null : String(Number(this.at.toFixed(4))) }), 150)
  }
}
