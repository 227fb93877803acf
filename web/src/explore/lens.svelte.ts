import { tick } from 'svelte'
import { counters } from '../draw/loop'
import { words } from '../lib/api'
import type { ModelResponse } from '../lib/frame'
import type { Problem } from '../lib/protocol'
import { parseHash, router } from '../lib/route.svelte'
import { History } from './history.svelte'
import type { OpenModel } from './model.svelte'
import { modeOf, type Mode } from './moves'
import { past } from './past'
import { isImage, originText, pointAt, pointText, readPoint, seed, type Point } from './points'

const ONE_MOVE = 600 // ms: changes of a drag that follow each other so closely are one step back

/**
 * The point that is looked at, and its image. Each change is asked for at once; while an answer is on its way only the newest waits, so
 * that the image follows the hand. The address follows at rest.
 */
export class Lens {
  seen = $state.raw<ModelResponse<'decode'> | null>(null) // the newest answer
  of = $state.raw<ModelResponse<'encode'> | null>(null) // the image that the point begins at
  mu = $state.raw<Float32Array | null>(null) // of every dimension that no term names, where that is not 0
  refused = $state.raw<{ text: string; problem: Problem } | null>(null) // what was asked for and cannot be; what was seen before stays
  written = '' // what this page put into the address
  private good: Point | null = null // of the newest answer
  private history: History<Point> = $state.raw(new History(pointAt(seed(0))))
  private gesture = 0
  private moved = 0
  private later: ReturnType<typeof setTimeout> | undefined
  private below = '' // what `mu` is of
  private leapt = false // what is shown is somewhere else, not a move on

  /** `later`: where the address names no point, nothing is asked before `begin` says where. */
  constructor(
    private readonly model: OpenModel,
    later = false,
  ) {
    const text = router.current.query.at
    const read = text === undefined ? null : readPoint(text)
    if (read) this.history = new History(read)
    if (text !== undefined && !read) void this.explain(text)
    if (text !== undefined || !later) this.look()
  }

  /** The first point: there is none before it to go back to. */
  begin(point: Point): void {
    this.history = new History(point)
    this.look()
  }

  get point(): Point {
    return this.history.now
  }
  get canUndo(): boolean {
    return this.history.canUndo
  }
  get canRedo(): boolean {
    return this.history.canRedo
  }

  get text(): string {
    return pointText(this.point)
  }

  get mode(): Mode {
    const wanted = router.current.query.mode
    return wanted === 'band' || wanted === 'prior' || wanted === 'exact' ? wanted : modeOf(this.point)
  }

  set mode(value: Mode) {
    router.set({ mode: value === modeOf(this.point) ? null : value })
  }

  /** Go to a point. `began`: not a step of a drag, to be undone by itself. */
  go(point: Point, began = false): void {
    this.refused = null
    if (pointText(point) === this.text && this.seen) return
    const now = performance.now()
    if (began || now - this.moved > ONE_MOVE) this.gesture += 1
    this.moved = now
    this.history.put(point, this.gesture)
    this.look()
  }

  /** Go to a point elsewhere: the browser goes back from it as well. */
  leap(point: Point): void {
    this.leapt = true
    this.go(point, true)
  }

  undo(): void {
    this.refused = null
    this.history.undo()
    this.look()
  }

  redo(): void {
    this.refused = null
    this.history.redo()
    this.look()
  }

  /**
   * A point that was typed, or that the address says. It is asked for before anything follows it, so that of one that cannot be
   * nothing is asked but why.
   */
  goText(text: string): void {
    void this.explain(text)
  }

  /** Ask again what is shown: the process that was asked is gone. */
  look(): void {
    const { point, text } = this
    void this.model.show(
      'image',
      'decode',
      { points: [text], ...past() },
      (answer) => {
        this.seen = answer
        this.good = point
        counters.shown = { ...counters.shown, at: answer.facts.points[0], asked: text, ms: answer.ms }
        void tick().then(() => {
          // the canvas has been painted by now
          counters.drawn += 1
          counters.lastDrawn = performance.now()
        })
      },
      (error) => this.fail(point, text, error),
    )
    this.lookBelow(point)
    clearTimeout(this.later)
    this.later = setTimeout(() => this.write(text), 180)
  }

  end(): void {
    clearTimeout(this.later)
  }

  private write(text: string): void {
    if (parseHash(location.hash).query.at !== router.current.query.at) return // another one was just written into it, and is followed first
    this.written = text
    const view = { at: text, mode: router.current.query.mode === modeOf(this.point) ? null : (router.current.query.mode ?? null) }
    if (this.leapt) router.step(view)
    else router.set(view)
    this.leapt = false
  }

  /** Back to the last point that has an image, saying why there is none of this one. */
  private fail(point: Point, text: string, error: unknown): void {
    const before = this.good ?? pointAt(seed(0))
    if (this.model.state?.state === 'ended' || pointText(before) === text) {
      this.model.problem = words(error)
      return
    }
    if (this.point !== point) return // another one was chosen meanwhile
    this.refused = { text, problem: words(error) }
    this.history.back(before)
    this.look()
  }

  private async explain(text: string): Promise<void> {
    this.written = text
    try {
      const answer = await this.model.ask('typed', 'decode', { points: [text], ...past() })
      const read = answer && readPoint(answer.facts.points[0])
      if (read) this.go(read, true)
    } catch (error) {
      this.refused = { text, problem: words(error) }
      this.write(this.text)
    }
  }

  /** The image that a point begins at, and the means below its terms: both change seldom, and are asked for when they do. */
  private lookBelow(point: Point): void {
    const origin = originText(point.origin)
    const key = point.muSeed !== null ? `mu@${point.muSeed}` : isImage(point.origin) ? origin : ''
    if (isImage(point.origin)) {
      if (this.of?.facts.of !== origin || key !== this.below) {
        void this.model.show(
          'of',
          'encode',
          { of: origin },
          (answer) => {
            this.of = answer
            if (this.below === answer.facts.of) this.mu = answer.mean.data
          },
          () => undefined,
        ) // the image itself says why
      }
    } else if (this.of) this.of = null
    if (key === this.below) return
    this.below = key
    this.mu = null
    if (point.muSeed !== null)
      void this.model.show('mu', 'decode', { points: [`zero;*~0,0;${key}`] }, (answer) => (this.mu = answer.z.data))
  }
}
