import { Connection, type Link } from '../lib/connection'
import { decodeFrame, type Frame } from '../lib/frame'
import type { CommandKind, DoneMessage, Nothing, PageMessage, Payloads, Ref, RefusedMessage, RunMessage } from '../lib/protocol'

export interface Listener {
  message(message: RunMessage): void
  frame(frame: Frame): void
  link(state: Link, retryAt: number | null, why: string | null): void
}

/** The socket of one run. After a loss it begins with the whole image again. */
export class RunSocket {
  private readonly connection: Connection
  private ref = 0
  private waiting = new Map<Ref, (answer: Answer) => void>()
  private readonly visible = (): void => this.watch()

  constructor(
    id: string,
    private readonly listener: Listener,
  ) {
    document.addEventListener('visibilitychange', this.visible)
    this.connection = new Connection(`/ws/runs/${encodeURIComponent(id)}`, {
      text: (message) => this.text(message as RunMessage),
      binary: (data) => this.binary(data),
      opened: () => this.watch(),
      lost: () => this.lost(),
      link: (state, retryAt, why) => this.listener.link(state, retryAt, why),
    })
  }

  /** Send a command; the answer says whether it was put down for the trainer, not yet that it took effect. */
  command<K extends CommandKind>(kind: K, ...payload: Payload<K>): Promise<Answer> {
    const ref = ++this.ref
    if (!this.connection.isOpen) {
      return Promise.resolve({ ok: false, error: { what: 'not sent: the studio is not connected', why: '', fix: '' } })
    }
    if (!this.send({ type: 'command', ref, kind, payload: payload[0] ?? {} })) {
      return Promise.resolve({ ok: false, error: { what: 'not sent: this is too much for one message', why: '', fix: '' } })
    }
    return new Promise((resolve) => this.waiting.set(ref, resolve))
  }

  retryNow(): void {
    this.connection.retryNow()
  }

  end(): void {
    document.removeEventListener('visibilitychange', this.visible)
    this.connection.end()
  }

  private text(message: RunMessage): void {
    if (message.type === 'response') {
      if (message.ref === null) return
      this.waiting.get(message.ref)?.(message)
      this.waiting.delete(message.ref)
    } else this.listener.message(message)
  }

  private binary(data: ArrayBuffer): void {
    const frame = decodeFrame(data)
    this.send({ type: 'ack', channel: frame.header.channel as 'motion' | 'images', seq: frame.header.seq })
    this.listener.frame(frame)
  }

  private lost(): void {
    for (const resolve of this.waiting.values())
      resolve({ ok: false, error: { what: 'the connection was lost before the answer', why: '', fix: '' } })
    this.waiting.clear()
  }

  private watch(): void {
    this.send({ type: 'watch', on: !document.hidden })
  }

  private send(message: PageMessage): boolean {
    return this.connection.send(message)
  }
}

export type Answer = Pick<DoneMessage, 'ok' | 'id'> | Pick<RefusedMessage, 'ok' | 'error'>

/** What goes with a command; nothing where it needs nothing. */
export type Payload<K extends CommandKind> = Nothing extends Payloads[K] ? [payload?: Payloads[K]] : [payload: Payloads[K]]
