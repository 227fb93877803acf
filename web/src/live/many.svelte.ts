import { getJson } from '../lib/api'
import type { RunsResponse } from '../lib/protocol'

/** How many runs there are, as far as this page knows: it is asked once, and set by whoever has the list. */
class ManyRuns {
  count = $state(0)
  private asked = false

  learn(): void {
    if (this.asked) return
    this.asked = true
    getJson<RunsResponse>('/api/runs').then(
      ({ runs }) => (this.count ||= runs.length),
      () => (this.asked = false),
    )
  }

  set(count: number): void {
    this.asked = true
    this.count = count
  }
}

export const manyRuns = new ManyRuns()
