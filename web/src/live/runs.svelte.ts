import { lockedOut } from '../lib/api'
import type { RunCard } from '../lib/types'

/** The list of all runs, told anew by the server whenever something changed. */
export class Runs {
  list = $state.raw<RunCard[] | null>(null)
  root = $state('')
  lost = $state(false)
  locked = $state(false) // the studio answers, and does not know this page's key
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
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.socket = new WebSocket(`${scheme}://${location.host}/ws/runs`)
    this.socket.onmessage = (event: MessageEvent<string>) => {
      const message = JSON.parse(event.data) as { type: string; root: string; runs: RunCard[] }
      if (message.type !== 'runs') return
      this.tries = 0
      this.lost = this.locked = false
      this.list = message.runs
      this.root = message.root
    }
    this.socket.onclose = () => {
      if (this.ended) return
      this.lost = true
      void lockedOut().then((locked) => (this.locked = locked && this.lost))
      this.timer = setTimeout(() => this.open(), Math.min(8000, 400 * 2 ** this.tries++))
    }
  }
}
