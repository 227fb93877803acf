import { getJson, postJson, Refused, words } from '../lib/api'
import type { Problem, StartResponse } from '../lib/protocol'

const LOOK_MS = 150 // between an answer and the next question

/** One start, asked about until its run is there or it has failed. */
export class Starting {
  answer = $state.raw<StartResponse | null>(null)
  problem = $state.raw<Problem | null>(null) // why there will be no run, or why nothing is known of it
  lost = $state(false)
  cancelling = $state(false)
  private ended = false

  constructor(
    private readonly name: string,
    private readonly began: (run: string) => void,
  ) {
    void this.follow()
  }

  end(): void {
    this.ended = true
  }

  async cancel(): Promise<void> {
    this.cancelling = true
    await postJson<StartResponse>(`${this.route}/cancel`).catch(() => undefined) // it is over: the next answer says how
  }

  private get route(): string {
    return `/api/starts/${encodeURIComponent(this.name)}`
  }

  private async follow(): Promise<void> {
    while (!this.ended && !this.problem) {
      try {
        const answer = await getJson<StartResponse>(this.route)
        if (this.ended) return
        this.lost = false
        this.answer = answer
        if (answer.run !== null) return this.began(answer.run)
        if (answer.over)
          this.problem = answer.problem ?? {
            what: 'the studio was ended while this run was prepared',
            why: 'its process goes on without it',
            fix: 'look for it in the list of runs',
          }
      } catch (error) {
        this.lost = !(error instanceof Refused)
        if (!this.lost) this.problem = words(error)
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }
}
