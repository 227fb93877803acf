import { postJson, words } from '../lib/api'
import { makeHash, router } from '../lib/route.svelte'
import type { Problem, SpecBody, StartResponse } from '../lib/protocol'
import { sentences } from '../lib/format'

/** The address of the page of a start; what it was made from is in it, so that it can be tried again. */
export const startHash = (name: string, { recipe, from, suggested, overrides }: SpecBody): string =>
  makeHash('/start', { of: name, recipe, from, suggested, with: (overrides ?? []).join('\n') })

/** Beginning a run with one click: its page opens at once, and says where the run is until it is there. */
export class Beginning {
  busy = $state(false)
  problem = $state.raw<Problem | null>(null)

  get message(): string {
    return this.problem ? sentences(this.problem.what, this.problem.why, this.problem.fix).join(' ') : ''
  }

  async begin(body: SpecBody): Promise<void> {
    if (this.busy) return
    this.busy = true
    this.problem = null
    try {
      const start = await postJson<StartResponse>('/api/starts', body)
      router.go(startHash(start.name, body))
    } catch (error) {
      this.problem = words(error)
    }
    this.busy = false
  }
}
