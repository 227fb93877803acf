import { socketAt } from '../lib/address'
import { refusal } from '../lib/api'
import type { RefusedMessage, RunCard, RunsMessage } from '../lib/protocol'

/** The list of all runs, told anew by the server whenever something changed. */
export class Runs {
  list = $state.raw<RunCard[] | null>(null)
  root = $state('')
  lost = $state(false)
  locked = $state<string | null>(null) // the studio answers, and does not let this page in: why
  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private tries = 0
  private ended = false

  constructor() {
    this.open()
  }

  end(): void {
    this.ended = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.socket?.close()
  }

  private open(): void {
    this.socket = new WebSocket(socketAt('/ws/runs'))
    this.socket.onmessage = (event: MessageEvent<string>) => {
      const message = JSON.parse(event.data) as RunsMessage | RefusedMessage
      if (message.type !== 'runs') return
      this.tries = 0
      this.lost = false
      this.locked = null
      this.list = message.runs
      this.root = message.root
    }
    this.socket.onclose = () => {
      if (this.ended) return
      this.lost = true
      void refusal().then((why) => (this.locked = this.lost ? why : null))
      this.timer = setTimeout(() => this.open(), Math.min(8000, 400 * 2 ** this.tries++))
    }
  }
}
