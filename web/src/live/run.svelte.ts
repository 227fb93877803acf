import { getJson, postJson, run as runPath, words } from '../lib/api'
import type { Link } from '../lib/connection'
import type { Frame } from '../lib/frame'
import type {
  Applied,
  ChecksResponse,
  CommandKind,
  FindingEntry,
  Header,
  IdResponse,
  Mark,
  ResumeBody,
  RunCard,
  RunMessage,
  StateMessage,
  Steerable,
} from '../lib/protocol'
import { Metrics } from '../charts/metrics'
import { awaitResponse, counters } from '../draw/loop'
import { evenly, nearest, type Trails } from '../scene/trails'
import { tables, type Tables } from './curves'
import { markOf, withJournal } from '../scene/marks'
import { RunSocket, type Payload } from './socket'
import { Stage, withFrame, type Images } from './stage'
import { StoredFrames } from './storedframes'
import { sentences } from '../lib/format'

/** The text on the page follows the frames at most this often (ms): more could not be read. */
const TEXT_EVERY = 90
const TRAIL_FRAMES = 40

/** How the run stands as seen from outside; before its first state message only what its card says. */
type Outside = Pick<StateMessage, 'status'> & { reasons: string[]; resume?: boolean; command?: string | null }

/** One run as this page sees it: what the server sent, the newest frames, and the place in the history that is shown. */
export class Run {
  link = $state<Link>('connecting')
  lockedBy = $state<string | null>(null) // why the studio does not let this page in
  retryAt = $state<number | null>(null)
  card = $state.raw<RunCard | null>(null)
  spec = $state.raw<Record<string, unknown>>({})
  facts = $state.raw<Record<string, unknown>>({})
  metrics = $state.raw(new Metrics()) // what its numbers are called, and which belong together
  steerable = $state.raw<Steerable[]>([])
  outside = $state.raw<Outside | null>(null)
  marks = $state.raw<Mark[]>([])
  timeline = $state.raw<number[]>([])
  tables = $state.raw<Tables>(tables())
  curvesVersion = $state(0)
  live = $state.raw<Header | null>(null) // header of the newest motion frame
  arrived = $state(0) // when it came, by this machine's clock
  imagesHead = $state.raw<Header | null>(null)
  shown = $state.raw<Header | null>(null) // header of the frame that the canvases show
  at = $state<number | null>(null) // step of the history that is shown; null = live
  loadingStep = $state<number | null>(null)
  historyProblem = $state<string | null>(null)
  images = $state.raw<Images>({}) // those that the canvases show
  findings = $state.raw<FindingEntry[]>([]) // what the doctor of the run has found, causes first
  resuming = $state(false)
  refusal = $state('') // why the last resume did not begin
  applied = $state.raw<Applied[]>([])
  next = $state<string | null>(null)
  checks = $state.raw<ChecksResponse | null>(null) // those before the run

  readonly stage = new Stage()
  readonly trails: Trails
  private readonly stored: StoredFrames
  private readonly socket: RunSocket
  private newest: Frame | null = null
  private liveImages: Images = {}
  private firstOriginals: Frame | null = null
  private textDue: ReturnType<typeof setTimeout> | null = null
  private lastText = 0
  private fetching: AbortController | null = null
  private ended = false
  private filling = 0 // the newest pass over the history
  private seen = new Set<number>()
  private opensAtEnd = false // the step shown was not chosen by a person: the first live frame replaces it

  // No frames come while the page is hidden: what the codes did meanwhile is in the history.
  private readonly seenAgain = (): void => {
    if (!document.hidden) void this.fillTrails()
  }

  constructor(readonly id: string) {
    this.stored = new StoredFrames(id)
    this.trails = this.stored.trails
    document.addEventListener('visibilitychange', this.seenAgain)
    this.socket = new RunSocket(id, {
      message: (message) => this.take(message),
      frame: (frame) => this.takeFrame(frame),
      link: (link, retryAt, why) => {
        this.link = link
        this.lockedBy = why
        this.retryAt = retryAt
      },
    })
  }

  end(): void {
    this.ended = true
    this.fetching?.abort()
    if (this.textDue !== null) clearTimeout(this.textDue)
    document.removeEventListener('visibilitychange', this.seenAgain)
    this.socket.end()
  }

  retry(): void {
    this.socket.retryNow()
  }

  command<K extends CommandKind>(kind: K, ...payload: Payload<K>): ReturnType<RunSocket['command']> {
    awaitResponse(400)
    return this.socket.command(kind, ...payload)
  }

  /** Go on with a run that has ended, in a process of its own; one that has spent its budget until `step`. */
  async resume(step?: number): Promise<void> {
    this.resuming = true
    this.refusal = ''
    this.opensAtEnd ||= this.at === this.last // who looks at the end wants to see it go on
    try {
      const body: ResumeBody = step === undefined ? {} : { to_step: step }
      await postJson<IdResponse>(`${runPath(this.id)}/resume`, body)
      setTimeout(() => (this.resuming = false), 4000) // by then the server has sent its new state
    } catch (error) {
      const problem = words(error)
      this.refusal = sentences(problem.what, problem.why, problem.fix).join(' ')
      this.resuming = false
    }
  }

  /** What the checks before the run found; they do not change any more. */
  async askChecks(): Promise<void> {
    if (this.checks?.checks.length) return
    this.checks = await getJson<ChecksResponse>(`${runPath(this.id)}/checks`).catch(() => null)
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
      this.showImages(this.liveImages)
      return
    }
    try {
      const kept = this.stored.get(wanted)
      if (!kept) this.loadingStep = wanted
      const frame = kept ?? (await this.stored.fetch(wanted, (this.fetching = new AbortController()).signal))
      if (this.at !== wanted) return
      this.loadingStep = null
      this.present(frame)
      const images = await this.pastImages(frame)
      if (this.at === wanted) this.showImages(images)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return
      this.loadingStep = null
      this.historyProblem = error instanceof Error ? error.message : String(error)
    }
  }

  /**
   * The images of a stored frame are its reconstructions. What it lacks is shown as it was known last, and each panel says of
   * which step that is; only the places of the probe and what lay nearest to a code would be wrong beside other codes.
   */
  private async pastImages(frame: Frame): Promise<Images> {
    const { originals, nearest, codemap } = this.liveImages
    if (!originals && !this.firstOriginals && this.timeline.length)
      this.firstOriginals = await this.stored.fetch(this.timeline[0])
    const first = this.firstOriginals?.shapes.has('originals') ? this.firstOriginals : undefined
    const near = (part: 'decoded' | 'samples'): Frame | undefined =>
      this.stored.near(part, frame.header.step, this.liveImages[part])
    const same = nearest?.header.step === frame.header.step ? nearest : undefined
    return withFrame(
      { originals: originals ?? first, nearest: same, codemap, decoded: near('decoded'), samples: near('samples') },
      frame,
    )
  }

  private showImages(images: Images): void {
    this.images = images
    this.stage.showImages(images)
  }

  /** Fetch some stored frames, evenly over the history, so that trails begin where training began and have no gaps. */
  private async fillTrails(): Promise<void> {
    const turn = ++this.filling
    for (const step of evenly(this.timeline, TRAIL_FRAMES)) {
      try {
        await this.stored.fetch(step)
      } catch {
        break // the trail is an extra; what is missing is simply not drawn
      }
      if (this.ended || turn !== this.filling) return // a newer list of steps is being gone through
      this.stage.notify('trails')
    }
    const at = this.at === null ? undefined : this.stored.get(this.at)
    if (!at) return
    const images = await this.pastImages(at) // decoded codes of a nearer step may have come
    if (this.at === at.header.step) this.showImages(images)
  }

  private take(message: RunMessage): void {
    switch (message.type) {
      case 'hello':
        this.card = message.card
        this.spec = message.spec
        this.facts = message.facts
        this.metrics = new Metrics(message.metrics)
        this.steerable = message.steerable
        this.marks = message.marks
        this.findings = message.findings
        this.timeline = message.timeline
        this.outside = {
          status: message.card.status,
          reasons: message.card.problem ? [message.card.problem] : [],
          resume: undefined,
        }
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
      case 'findings':
        this.findings = message.findings
        break
      case 'applied':
        for (const one of message.applied) this.note(one)
        break
      case 'timeline':
        if (message.reset) this.stored.clear()
        this.timeline = message.reset ? message.steps : [...this.timeline, ...message.steps]
        if (message.reset) void this.fillTrails()
        if (this.at === null || this.opensAtEnd) void this.opened()
        break
      case 'state':
        this.outside = { status: message.status, reasons: message.reasons, resume: message.resume, command: message.command }
        if (this.isLive) this.resuming = false
        if (this.card) this.card = { ...this.card, status: message.status as RunCard['status'] }
        if (this.at === null || this.opensAtEnd) void this.opened()
        break
    }
  }

  /** The last of the history, and from there to what comes after it should the run go on. */
  async toEnd(): Promise<void> {
    if (this.last === undefined) return
    await this.show(this.last)
    this.opensAtEnd = true
  }

  /**
   * A run that is over shows the last frame of its history, which has all its images; one whose address names a step shows that.
   * Only where a run broke off does the newest live frame know more than the history, and stays.
   */
  private async opened(): Promise<void> {
    if (this.at !== null && !this.opensAtEnd) return await this.show(this.at)
    const { last } = this
    if (this.isLive || last === undefined || last === this.at || last < (this.newest?.header.step ?? 0)) return
    await this.toEnd()
  }

  /** The last stored step. */
  get last(): number | undefined {
    return this.timeline[this.timeline.length - 1]
  }

  /** How far the run has come, as far as was heard: the list, the frames, the rows, the history and the journal each may be ahead. */
  get reached(): number {
    void this.curvesVersion // the rows themselves are not reactive
    return Math.max(
      this.live?.step ?? 0,
      this.tables.train.step.at(-1) ?? 0,
      this.card?.step ?? 0,
      this.last ?? 0,
      this.marks[this.marks.length - 1]?.step ?? 0,
    )
  }

  get isLive(): boolean {
    return ['running', 'paused', 'preparing', 'validating', 'stopping'].includes(this.outside?.status ?? '')
  }

  private takeFrame(frame: Frame): void {
    counters.frames += 1
    counters.lastFrame = performance.now()
    for (const one of frame.header.applied ?? []) this.note(one)
    if (frame.header.channel === 'images') {
      this.liveImages = withFrame(this.liveImages, frame)
      this.imagesHead = frame.header
      if (this.at === null) this.showImages(this.liveImages)
      return
    }
    this.newest = frame
    if (this.opensAtEnd) void this.show(null)
    this.stored.follow(frame)
    if (this.at === null) this.stage.showMotion(frame)
    if (this.textDue === null) {
      const wait = Math.max(0, this.lastText + TEXT_EVERY - performance.now())
      this.textDue = setTimeout(() => this.announce(), wait)
    }
  }

  private note(one: Applied): void {
    if (this.seen.has(one.id)) return
    if (this.seen.size > 500) this.seen = new Set(this.applied.map((known) => known.id)) // headers repeat the last few alone
    this.seen.add(one.id)
    awaitResponse(0)
    this.applied = [...this.applied.slice(-63), one]
    const mark = markOf(one)
    if (mark) this.marks = withJournal(this.marks, [mark])
  }

  private announce(): void {
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
