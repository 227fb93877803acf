import { Refused, words } from '../lib/api'
import { Connection, MOST_MESSAGE, type Link } from '../lib/connection'
import { count } from '../lib/format'
import { decodeResponse, type ModelResponse } from '../lib/frame'
import { mayBeRun } from '../lib/route.svelte'
import type { AskKind, Asks, ModelMessage, ModelPageMessage, ModelStateMessage, NewerMessage, Problem } from '../lib/protocol'

/** An ask without its kind. */
export type What<K extends AskKind> = Omit<Asks[K], 'kind'>

interface Waiting {
  ref: number
  message: ModelPageMessage
  done(answer: ModelResponse<AskKind> | null): void
  progress?(answer: ModelResponse<AskKind>): void
  failed(error: Refused): void
}

/** Of one key: at most one ask is on its way, and only the newest of those that follow waits. */
interface Lane {
  flying: Waiting | null
  next: Waiting | null
}

/**
 * An open model as a page sees it: what its process does, and a way to ask it. An ask of a key replaces the one of the same key that
 * waits, so that a slider that is dragged is followed as quickly as the model answers, with nothing left to be caught up on.
 */
export class OpenModel {
  link = $state<Link>('connecting')
  lockedBy = $state<string | null>(null) // why the studio does not let this page in
  state = $state.raw<ModelStateMessage | null>(null)
  readonly alive = $derived(this.state?.state !== 'ended') // where not, an ask starts another process
  newer = $state.raw<NewerMessage | null>(null) // the run has a newer checkpoint than this one
  gone = $state('') // the run was deleted
  problem = $state.raw<Problem | null>(null) // why the newest ask that failed did
  private readonly connection: Connection | null = null
  private readonly lanes = new Map<string, Lane>()
  private readonly byRef = new Map<number, string>()
  private ref = 0
  private ended = false

  constructor(
    readonly id: string,
    readonly which = 'best',
    readonly device = 'auto',
  ) {
    if (!mayBeRun(id)) {
      this.link = 'open'
      this.gone = `there is no run '${id.slice(0, 80)}'`
      this.state = { type: 'state', state: 'ended', checkpoint: null, step: null, message: this.gone, fix: '' }
      return
    }
    const query = new URLSearchParams({ which, device })
    this.connection = new Connection(`/ws/models/${encodeURIComponent(id)}?${query}`, {
      text: (message) => this.take(message as ModelMessage),
      binary: (data) => this.answered(decodeResponse(data)),
      opened: () => this.repeat(),
      lost: () => undefined, // what is on its way is asked again when the connection is back
      link: (state, _, why) => {
        this.link = state
        this.lockedBy = why
      },
    })
  }

  /**
   * The answer, or null where a newer ask of the same key came before it was sent. Rejects with `Refused`. `progress`
   * takes what comes before.
   */
  ask<K extends AskKind>(
    key: string,
    kind: K,
    what: What<K>,
    progress?: (answer: ModelResponse<AskKind>) => void,
  ): Promise<ModelResponse<K> | null> {
    const ref = ++this.ref
    return new Promise((done, failed) => {
      const message: ModelPageMessage = { type: 'ask', ref, key, ask: { kind, ...what } as unknown as Asks[K] }
      const waiting: Waiting = { ref, message, done: done as Waiting['done'], failed, progress }
      const lane = this.lanes.get(key) ?? { flying: null, next: null }
      this.lanes.set(key, lane)
      if (lane.flying) {
        lane.next?.done(null)
        lane.next = waiting
      } else this.fly(key, lane, waiting)
    })
  }

  /** The same for what is drawn: a failure is kept in `problem`, unless `failed` takes it; the next answer of any ask clears it. */
  async show<K extends AskKind>(
    key: string,
    kind: K,
    what: What<K>,
    then: (answer: ModelResponse<K>) => void,
    failed?: (error: unknown) => void,
  ): Promise<void> {
    try {
      const answer = await this.ask(key, kind, what)
      if (answer && !this.ended) {
        this.problem = null
        then(answer)
      }
    } catch (error) {
      if (failed) failed(error)
      else this.problem = words(error)
    }
  }

  /** Nobody waits for this key any more. */
  forget(key: string): void {
    const lane = this.lanes.get(key)
    if (!lane) return
    if (lane.flying) {
      this.byRef.delete(lane.flying.ref)
      this.connection?.send({ type: 'forget', key })
    }
    this.lanes.delete(key)
    for (const one of [lane.flying, lane.next]) one?.done(null)
  }

  retryNow(): void {
    this.connection?.retryNow()
  }

  end(): void {
    this.ended = true
    for (const lane of this.lanes.values()) for (const one of [lane.flying, lane.next]) one?.done(null)
    this.lanes.clear()
    this.connection?.end()
  }

  private fly(key: string, lane: Lane, waiting: Waiting): void {
    lane.flying = waiting
    this.byRef.set(waiting.ref, key)
    if (this.connection === null || this.connection.send(waiting.message)) return
    this.landed(waiting.ref)?.failed(
      new Refused(
        { what: 'this is too much for one message', why: `at most ${count(MOST_MESSAGE)} letters are sent`, fix: 'ask for less' },
        0,
      ),
    )
  }

  private repeat(): void {
    for (const lane of this.lanes.values()) if (lane.flying) this.connection?.send(lane.flying.message)
  }

  private landed(ref: number): Waiting | null {
    const key = this.byRef.get(ref)
    const lane = key === undefined ? undefined : this.lanes.get(key)
    this.byRef.delete(ref)
    if (!lane || lane.flying?.ref !== ref) return null
    const found = lane.flying
    lane.flying = null
    const next = lane.next
    lane.next = null
    if (next) this.fly(key!, lane, next)
    return found
  }

  private answered(answer: ModelResponse<AskKind>): void {
    if (answer.channel === 'progress') {
      const lane = this.lanes.get(this.byRef.get(answer.ref) ?? '')
      if (lane?.flying?.ref === answer.ref) lane.flying.progress?.(answer)
      return
    }
    this.landed(answer.ref)?.done(answer)
  }

  private take(message: ModelMessage): void {
    if (message.type === 'state') {
      this.state = message
      if (message.state === 'ended') this.failAll({ what: message.message, why: '', fix: message.fix })
    } else if (message.type === 'newer') this.newer = message
    else if (message.type === 'gone') this.gone = message.message
    else if (message.ref !== null) this.landed(message.ref)?.failed(new Refused(message.error, 0))
  }

  /** What was asked of a process that is gone is not answered any more. */
  private failAll(problem: Problem): void {
    for (const lane of this.lanes.values()) {
      const flying = [lane.flying, lane.next]
      lane.flying = lane.next = null
      for (const one of flying) one?.failed(new Refused(problem, 0))
    }
    this.byRef.clear()
  }
}
