import type { ModelResponse } from '../lib/frame'
import { router } from '../lib/route.svelte'
import type { WalkOptions } from './command'
import type { OpenModel } from './model.svelte'
import { past, type Past } from './past'
import { joinPoints, splitPoints } from './points'

export const MOST_KEYS = 64
export const MOST_FRAMES = 600
const EACH = 24 // frames of one way that are made unless a number is given
const RATE = 30 // a second, as the film that is saved has

/** Bookmarked points in order, and the images on the way from one to the next. All of it is in the address. */
export class Walk {
  made = $state.raw<ModelResponse<'walk'> | null>(null)
  at = $state<number | null>(null) // the frame that is looked at; null: the point itself
  playing = $state(false)
  private wanted = '' // what `made` is of, or will be
  private timer = 0
  private begun = 0
  private later: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly model: OpenModel) {}

  get keys(): string[] {
    return splitPoints(router.current.query.keys)
  }

  set keys(keys: string[]) {
    this.rest()
    router.set({ keys: keys.length ? joinPoints(keys) : null })
  }

  get options(): WalkOptions {
    const { frames, how, ease, loop } = router.current.query
    const legs = Math.max(1, this.keys.length - 1 + (loop ? 1 : 0))
    const wanted = Math.round(Number(frames))
    return {
      frames: Math.max(legs + 1, wanted >= 2 ? Math.min(MOST_FRAMES, wanted) : Math.min(MOST_FRAMES, EACH * legs + 1)),
      how: how === 'spherical' ? 'spherical' : 'linear',
      ease: ease === '1',
      loop: loop === '1',
    }
  }

  set(changes: Partial<WalkOptions>): void {
    const { frames, how, ease, loop } = changes
    router.set({
      ...(frames !== undefined && { frames: String(frames) }),
      ...(how !== undefined && { how: how === 'linear' ? null : how }),
      ...(ease !== undefined && { ease: ease ? '1' : null }),
      ...(loop !== undefined && { loop: loop ? '1' : null }),
    })
  }

  get ask(): { points: string[] } & WalkOptions & Past {
    return { points: this.keys, ...this.options, ...past() }
  }

  /** Add a point at the end, unless it is there already. */
  add(text: string): void {
    if (this.keys.at(-1) !== text && this.keys.length < MOST_KEYS) this.keys = [...this.keys, text]
  }

  remove(place: number): void {
    this.keys = this.keys.filter((_, i) => i !== place)
  }

  move(from: number, to: number): void {
    const keys = [...this.keys]
    const [one] = keys.splice(from, 1)
    keys.splice(Math.min(keys.length, Math.max(0, to)), 0, one)
    this.keys = keys
  }

  /** The images of the way, made anew where keys or options have changed. */
  async make(): Promise<void> {
    const { ask } = this
    const wanted = JSON.stringify(ask)
    if (ask.points.length < 2 || (wanted === this.wanted && this.made)) return
    this.wanted = wanted
    await this.model.show('walk', 'walk', ask, (answer) => {
      if (this.wanted === wanted) this.made = answer
    })
    if (!this.made) this.wanted = '' // it failed: the next try asks again
  }

  /** Look at one frame of the way. */
  async scrub(frame: number): Promise<void> {
    this.playing = false
    this.at = frame
    this.note(frame)
    await this.make()
  }

  async play(): Promise<void> {
    if (this.playing) {
      this.playing = false
      this.note(this.at)
      return
    }
    await this.make()
    if (!this.made) return
    const frames = this.made.images.shape[0]
    const first = this.at === null || this.at >= frames - 1 ? 0 : this.at
    this.playing = true
    this.begun = performance.now() - (1000 * first) / RATE
    const step = (time: number): void => {
      if (!this.playing || !this.made) return
      const count = this.made.images.shape[0]
      const frame = Math.max(0, Math.floor(((time - this.begun) * RATE) / 1000))
      this.at = this.options.loop ? frame % count : Math.min(count - 1, frame)
      if (!this.options.loop && frame >= count) {
        this.playing = false
        this.note(this.at)
      } else this.timer = requestAnimationFrame(step)
    }
    this.timer = requestAnimationFrame(step)
  }

  /** Back to the point itself. */
  rest(): void {
    cancelAnimationFrame(this.timer)
    this.playing = false
    this.at = null
    this.made = null
    this.wanted = ''
    this.note(null)
  }

  /** The frame that is looked at, counted from 1, in the address; nothing of it while it plays. */
  private note(frame: number | null): void {
    clearTimeout(this.later)
    const text = frame === null ? null : String(frame + 1)
    if ((router.current.query.frame ?? null) !== text)
      this.later = setTimeout(() => router.set({ frame: text }), frame === null ? 0 : 150)
  }

  end(): void {
    cancelAnimationFrame(this.timer)
    clearTimeout(this.later)
    this.playing = false
  }
}
