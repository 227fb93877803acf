import { getBytes, run as runPath } from '../lib/api'
import { decodeFrame, type Frame } from '../lib/frame'
import type { Applied, Header, Mark, RunCard, RunState, ServerMessage, Steerable } from '../lib/types'
import { counters } from '../draw/loop'
import { nearest, Trails } from '../scene/trails'
import { tables, type Tables } from './curves'
import { markOf, withJournal } from './marks'
import { RunSocket } from './socket'
import { Stage, withFrame, type Pictures } from './stage'

/** The text on the page follows the frames at most this often (ms): more could not be read. */
const TEXT_EVERY = 90
const TRAIL_FRAMES = 40

/** One run as this page sees it: what the server said, the newest frames, and the place in the history that is shown. */
export class Run {
  link = $state<'connecting' | 'open' | 'lost'>('connecting')
  retryAt = $state<number | null>(null)
  card = $state.raw<RunCard | null>(null)
  spec = $state.raw<Record<string, unknown>>({})
  facts = $state.raw<Record<string, unknown>>({})
  steerable = $state.raw<Steerable[]>([])
  outside = $state.raw<RunState | null>(null)
  marks = $state.raw<Mark[]>([])
  timeline = $state.raw<number[]>([])
  tables = $state.raw<Tables>(tables())
  curvesVersion = $state(0)
  live = $state.raw<Header | null>(null) // header of the newest motion frame
  arrived = $state(0) // when it came, by this machine's clock
  picturesHead = $state.raw<Header | null>(null)
  shown = $state.raw<Header | null>(null) // header of the frame that the canvases show
  at = $state<number | null>(null) // step of the history that is shown; null = live
  loadingStep = $state<number | null>(null)
  historyProblem = $state<string | null>(null)
  applied = $state.raw<Applied[]>([])
  next = $state<string | null>(null)

  readonly stage = new Stage()
  readonly trails = new Trails()
  private readonly socket: RunSocket
  private newest: Frame | null = null
  private livePictures: Pictures = {}
  private firstOriginals: Frame | null = null
  private cache = new Map<number, Frame>()
  private textDue: ReturnType<typeof setTimeout> | null = null
  private lastText = 0
  private fetching: AbortController | null = null
  private ended = false
  private seen = new Set<number>()
  private opensAtEnd = false // the step shown was not chosen by a person: the first live frame replaces it

  constructor(readonly id: string) {
    this.socket = new RunSocket(id, {
      message: (message) => this.take(message),
      frame: (frame) => this.takeFrame(frame),
      link: (link, retryAt) => {
        this.link = link
        this.retryAt = retryAt
      },
    })
  }

  end(): void {
    this.ended = true
    this.fetching?.abort()
    if (this.textDue !== null) clearTimeout(this.textDue)
    this.socket.end()
  }

  retry(): void {
    this.socket.retryNow()
  }

  command(kind: string, payload: unknown = {}): ReturnType<RunSocket['command']> {
    return this.socket.command(kind, payload)
  }

  /** Show a step of the history (the nearest stored one), or null for live. */
  async show(step: number | null): Promise<void> {
    this.opensAtEnd = false
    this.fetching?.abort()
    this.historyProblem = null
    const wanted = step === null ? null : nearest(this.timeline, step)
    this.at = wanted
    this.loadingStep = null
    if (wanted === null) {
      if (this.newest) this.present(this.newest)
      this.stage.showPictures(this.livePictures)
      return
    }
    try {
      const kept = this.cache.get(wanted)
      if (!kept) this.loadingStep = wanted
      const frame = kept ?? (await this.fetchFrame(wanted, (this.fetching = new AbortController()).signal))
      if (this.at !== wanted) return
      this.loadingStep = null
      this.present(frame)
      this.stage.showPictures(withFrame(await this.pastPictures(), frame))
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return
      this.loadingStep = null
      this.historyProblem = error instanceof Error ? error.message : String(error)
    }
  }

  /** The pictures of a stored frame are its reconstructions; what stands beside them does not change, or is left out. */
  private async pastPictures(): Promise<Pictures> {
    const originals = this.livePictures.originals ?? this.firstOriginals
    if (originals) return { originals, nearest: this.livePictures.nearest }
    if (!this.timeline.length) return {}
    this.firstOriginals = await this.fetchFrame(this.timeline[0])
    return this.firstOriginals.shapes.has('originals') ? { originals: this.firstOriginals } : {}
  }

  private async fetchFrame(step: number, signal?: AbortSignal): Promise<Frame> {
    const kept = this.cache.get(step)
    if (kept) return kept
    const frame = decodeFrame(await getBytes(`${runPath(this.id)}/frames/${step}`, signal))
    if (this.cache.size > 240) this.cache.delete(this.cache.keys().next().value!)
    this.cache.set(step, frame)
    this.remember(frame)
    return frame
  }

  private remember(frame: Frame): void {
    const codes = frame.f4('codes')
    if (codes && codes.length <= 2 * 2048) this.trails.add(frame.header.step, codes, frame.i4('revived'))
  }

  /** Fetch some stored frames, evenly over the history, so that trails begin where training began. */
  private async fillTrails(): Promise<void> {
    const steps = this.timeline
    const every = Math.max(1, steps.length / TRAIL_FRAMES)
    for (let i = 0; i < steps.length && !this.ended; i += every) {
      try {
        await this.fetchFrame(steps[Math.floor(i)])
      } catch {
        return // the trail is an extra; what is missing is simply not drawn
      }
    }
  }

  private take(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.card = message.card
        this.spec = message.spec
        this.facts = message.facts ?? {}
        this.steerable = message.steerable ?? []
        this.marks = message.marks
        this.timeline = message.timeline
        this.outside = { status: message.card.status, message: message.card.problem, resume: undefined }
        this.tables = tables(message.curves)
        this.curvesVersion += 1
        void this.fillTrails()
        void this.opened()
        break
      case 'rows':
        if (message.reset) this.tables = { ...this.tables, [message.split]: tables()[message.split] }
        this.tables[message.split].append(message)
        this.curvesVersion += 1
        break
      case 'marks':
        this.marks = withJournal(this.marks, message.marks)
        break
      case 'timeline':
        if (message.reset) {
          this.cache.clear()
          this.trails.clear()
        }
        this.timeline = message.reset ? message.steps : [...this.timeline, ...message.steps]
        if (this.at === null && !this.newest) void this.opened()
        break
      case 'state':
        this.outside = { status: message.status, message: message.message, resume: message.resume }
        if (this.card) this.card = { ...this.card, status: message.status as RunCard['status'] }
        break
    }
  }

  /** A run that is over opens at the last frame of its history; so does one whose address names a step. */
  private async opened(): Promise<void> {
    if (this.at !== null) await this.show(this.at)
    else if (!this.newest && !this.isLive && this.timeline.length) {
      await this.show(this.timeline[this.timeline.length - 1])
      this.opensAtEnd = true
    }
  }

  get isLive(): boolean {
    return ['running', 'paused', 'preparing', 'validating', 'stopping'].includes(this.outside?.status ?? '')
  }

  private takeFrame(frame: Frame): void {
    counters.frames += 1
    counters.lastFrame = performance.now()
    for (const one of frame.header.applied ?? []) this.note(one)
    if (frame.header.channel === 'pictures') {
      this.livePictures = withFrame(this.livePictures, frame)
      this.picturesHead = frame.header
      if (this.at === null) this.stage.showPictures(this.livePictures)
      return
    }
    this.newest = frame
    if (this.opensAtEnd) void this.show(null)
    this.remember(frame)
    if (this.at === null) this.stage.showMotion(frame)
    if (this.textDue === null) {
      const wait = Math.max(0, this.lastText + TEXT_EVERY - performance.now())
      this.textDue = setTimeout(() => this.tell(), wait)
    }
  }

  private note(one: Applied): void {
    if (this.seen.has(one.id)) return
    if (this.seen.size > 500) this.seen = new Set(this.applied.map((known) => known.id)) // headers repeat the last few alone
    this.seen.add(one.id)
    this.applied = [...this.applied.slice(-63), one]
    const mark = markOf(one)
    if (mark) this.marks = withJournal(this.marks, [mark])
  }

  private tell(): void {
    this.textDue = null
    this.lastText = performance.now()
    if (!this.newest) return
    this.live = this.newest.header
    this.arrived = Date.now()
    if (this.newest.header.next) this.next = this.newest.header.next
    if (this.at === null) this.shown = this.newest.header
  }

  private present(frame: Frame): void {
    this.shown = frame.header
    this.stage.showMotion(frame)
  }
}
