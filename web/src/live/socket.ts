import { decodeFrame, type Frame } from '../lib/frame'
import { socketAt } from '../lib/address'
import { refusal } from '../lib/api'
import type { CommandKind, DoneMessage, Nothing, PageMessage, Payloads, Ref, RefusedMessage, RunMessage } from '../lib/protocol'

/** `locked`: the studio answers, and does not let this page in. */
export type Link = 'connecting' | 'open' | 'lost' | 'locked'

export interface Listener {
  message(message: RunMessage): void
  frame(frame: Frame): void
  link(state: Link, retryAt: number | null, why: string | null): void
}

/**
 * The socket of one run. It comes back by itself after a loss, waiting longer each time, and then begins with the whole picture. It
 * tries also where it is locked out: another page may bring the new key, which all pages share.
 */
export class RunSocket {
  private socket: WebSocket | null = null
  private tries = 0
  private locked: string | null = null // why
  private timer: ReturnType<typeof setTimeout> | null = null
  private ended = false
  private ref = 0
  private waiting = new Map<Ref, (answer: Answer) => void>()
  private readonly visible = (): void => this.watch()

  constructor(private readonly id: string, private readonly listener: Listener) {
    document.addEventListener('visibilitychange', this.visible)
    this.open()
  }

  /** Send a command; the answer says whether it was put down for the trainer, not yet that it took effect. */
  command<K extends CommandKind>(kind: K, ...payload: Payload<K>): Promise<Answer> {
    const ref = ++this.ref
    if (this.socket?.readyState !== WebSocket.OPEN) {
      return Promise.resolve({ ok: false, error: { what: 'not sent: the studio is not connected', why: '', fix: '' } })
    }
    this.send({ type: 'command', ref, kind, payload: payload[0] ?? {} })
    return new Promise((resolve) => this.waiting.set(ref, resolve))
  }

  retryNow(): void {
    if (this.timer === null) return
    clearTimeout(this.timer)
    this.timer = null
    this.open()
  }

  end(): void {
    this.ended = true
    document.removeEventListener('visibilitychange', this.visible)
    if (this.timer !== null) clearTimeout(this.timer)
    this.socket?.close()
  }

  private open(): void {
    if (!this.tries) this.listener.link('connecting', null, null) // later it stays lost until it is found
    const socket = new WebSocket(socketAt(`/ws/runs/${encodeURIComponent(this.id)}`))
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    socket.onopen = () => {
      this.locked = null
      this.listener.link('open', null, null)
      this.watch()
    }
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      this.tries = 0
      if (typeof event.data === 'string') this.text(JSON.parse(event.data) as RunMessage)
      else this.binary(event.data)
    }
    socket.onclose = () => this.lost()
  }

  private text(message: RunMessage): void {
    if (message.type === 'answer') {
      if (message.ref === null) return
      this.waiting.get(message.ref)?.(message)
      this.waiting.delete(message.ref)
    } else this.listener.message(message)
  }

  private binary(data: ArrayBuffer): void {
    const frame = decodeFrame(data)
    this.send({ type: 'ack', channel: frame.header.channel as 'motion' | 'pictures', seq: frame.header.seq })
    this.listener.frame(frame)
  }

  private lost(): void {
    for (const resolve of this.waiting.values()) resolve({ ok: false, error: { what: 'the connection was lost before the answer', why: '', fix: '' } })
    this.waiting.clear()
    if (this.ended) return
    const wait = Math.min(8000, 400 * 2 ** this.tries) * (0.8 + 0.4 * Math.random())
    this.tries += 1
    const at = Date.now() + wait
    const tell = (): void => this.listener.link(this.locked ? 'locked' : 'lost', at, this.locked)
    tell()
    void refusal().then((why) => {
      this.locked = why
      if (this.timer !== null && !this.ended) tell()
    })
    this.timer = setTimeout(() => {
      this.timer = null
      this.open()
    }, wait)
  }

  private watch(): void {
    this.send({ type: 'watch', on: !document.hidden })
  }

  private send(message: PageMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
  }
}

export type Answer = Pick<DoneMessage, 'ok' | 'id'> | Pick<RefusedMessage, 'ok' | 'error'>

/** What is said with a command; nothing where it needs nothing. */
export type Payload<K extends CommandKind> = Nothing extends Payloads[K] ? [payload?: Payloads[K]] : [payload: Payloads[K]]
