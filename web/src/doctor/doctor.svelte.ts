import { getJson, postJson, run as runPath, words } from '../lib/api'
import { livePath, router } from '../lib/route.svelte'
import type { ApplyBody, FindingsResponse, IdResponse } from '../lib/protocol'
import type { Run } from '../live/run.svelte'
import { Start } from '../live/starts.svelte'
import { outcome } from '../live/state'
import { sentences } from '../lib/format'

const BETWEEN_MS = 1000 // between an answer and the next question
const LOOK_MS = 200 // between two looks whether a run has stopped

/** What the doctor says of one run, asked again whenever the run has something new to say, and the fix that is being applied. */
export class Doctor {
  answer = $state.raw<FindingsResponse | null>(null)
  problem = $state('')
  applying = $state<string | null>(null) // code of the finding whose fix is on its way
  doing = $state<'stopping' | 'starting' | null>(null)
  refused = $state<{ code: string; text: string } | null>(null)
  readonly start = new Start()
  private asking = false
  private again = false
  private ended = false

  constructor(private readonly run: Run) {}

  end(): void {
    this.ended = true
    this.start.end()
  }

  /** Ask again; a run that validates many times a second is asked about now and then. */
  ask(): void {
    if (this.asking) this.again = true
    else if (!this.ended) void this.askNow()
  }

  private async askNow(): Promise<void> {
    this.asking = true
    this.again = false
    try {
      this.answer = await getJson<FindingsResponse>(`${runPath(this.run.id)}/findings`)
      this.problem = ''
    } catch (error) {
      this.problem = words(error).what
    }
    this.asking = false
    if (this.again) setTimeout(() => this.ask(), BETWEEN_MS)
  }

  /** Start a new run with the fix of a finding, after this one has stopped. The words beside the button are complete. */
  async apply(code: string): Promise<void> {
    this.refused = null
    this.applying = code
    try {
      if (this.run.isLive) {
        this.doing = 'stopping'
        const reply = await this.run.command('stop')
        if (!reply.ok) return this.refuse(code, reply.error)
        while (outcome(this.run) === null) {
          if (this.ended) return
          await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
        }
      }
      this.doing = 'starting'
      this.start.follow()
      const body: ApplyBody = { code }
      const { id } = await postJson<IdResponse>(`${runPath(this.run.id)}/apply`, body)
      if (!this.ended) router.go(`#${livePath(id)}`)
    } catch (error) {
      this.refuse(code, words(error))
    } finally {
      this.applying = this.doing = null
      this.start.end()
    }
  }

  private refuse(code: string, { what, why, fix }: { what: string; why: string; fix: string }): void {
    this.refused = { code, text: sentences(what, why, fix).join(' ') }
  }
}
