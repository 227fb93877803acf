import { Connection } from '../lib/connection'
import type { RefusedMessage, RunCard, RunsMessage } from '../lib/protocol'
import { manyRuns } from './many.svelte'

/** The list of all runs, sent anew by the server whenever something changed. */
export class Runs {
  list = $state.raw<RunCard[] | null>(null)
  root = $state('')
  lost = $state(false)
  locked = $state<string | null>(null) // the studio answers, and does not let this page in: why
  private readonly connection: Connection

  constructor() {
    this.connection = new Connection('/ws/runs', {
      text: (message) => this.take(message as RunsMessage | RefusedMessage),
      binary: () => undefined,
      opened: () => undefined,
      lost: () => undefined,
      link: (state, _, why) => {
        this.lost = state === 'lost' || state === 'locked'
        this.locked = why
      },
    })
  }

  end(): void {
    this.connection.end()
  }

  private take(message: RunsMessage | RefusedMessage): void {
    if (message.type !== 'runs') return
    this.list = message.runs
    manyRuns.set(message.runs.length)
    this.root = message.root
  }
}
