import { socketAt } from './address'
import { refusal } from './api'

/** Letters of a message; the studio refuses longer ones (`MOST_MESSAGE` in studio/talk.py). */
export const MOST_MESSAGE = 2 ** 20

/** `locked`: the studio answers, and does not let this page in. */
export type Link = 'connecting' | 'open' | 'lost' | 'locked'

export interface Ends {
  text(message: unknown): void
  binary(data: ArrayBuffer): void
  opened(): void
  lost(): void // whatever was asked before is not answered any more
  link(state: Link, retryAt: number | null, why: string | null): void
}

/**
 * A WebSocket that comes back by itself after a loss, waiting longer each time. It tries also where it is locked out: another page
 * may bring the new key, which all pages share.
 */
export class Connection {
  private socket: WebSocket | null = null
  private tries = 0
  private locked: string | null = null // why
  private timer: ReturnType<typeof setTimeout> | null = null
  private ended = false

  constructor(
    private readonly route: string,
    private readonly ends: Ends,
  ) {
    this.open()
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN
  }

  /** False: it is too long, and is never sent. What is sent while it is not open is lost, as the other side gets it anew. */
  send(message: unknown): boolean {
    const text = JSON.stringify(message)
    if (text.length > MOST_MESSAGE) return false
    if (this.isOpen) this.socket!.send(text)
    return true
  }

  retryNow(): void {
    if (this.timer === null) return
    clearTimeout(this.timer)
    this.timer = null
    this.open()
  }

  end(): void {
    this.ended = true
    if (this.timer !== null) clearTimeout(this.timer)
    const socket = this.socket
    if (socket?.readyState === WebSocket.CONNECTING)
      socket.onopen = () => socket.close() // closed before, the browser reports an error
    else socket?.close()
  }

  private open(): void {
    if (!this.tries) this.ends.link('connecting', null, null) // later it stays lost until it is found
    const socket = new WebSocket(socketAt(this.route))
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    socket.onopen = () => {
      this.locked = null
      this.ends.link('open', null, null)
      this.ends.opened()
    }
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      this.tries = 0
      if (typeof event.data === 'string') this.ends.text(JSON.parse(event.data))
      else this.ends.binary(event.data)
    }
    socket.onclose = () => this.lost()
  }

  private lost(): void {
    this.ends.lost()
    if (this.ended) return
    const wait = Math.min(8000, 400 * 2 ** this.tries) * (0.8 + 0.4 * Math.random())
    this.tries += 1
    const at = Date.now() + wait
    const report = (): void => this.ends.link(this.locked ? 'locked' : 'lost', at, this.locked)
    report()
    void refusal().then((why) => {
      this.locked = why
      if (this.timer !== null && !this.ended) report()
    })
    this.timer = setTimeout(() => {
      this.timer = null
      this.open()
    }, wait)
  }
}
