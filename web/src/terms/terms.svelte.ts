import { getJson } from '../lib/api'
import type { GlossaryResponse, TermEntry } from '../lib/protocol'
import { Glossary } from './glossary'

/** The glossary of this page, read when the first label needs it, and the one card that shows a term of it. */
class Terms {
  glossary = $state.raw(new Glossary())
  shown = $state.raw<TermEntry | null>(null)
  from = $state.raw<HTMLElement | null>(null) // the label that opened the card
  private asked = false

  load(): void {
    if (this.asked) return
    this.asked = true
    getJson<GlossaryResponse>('/api/glossary').then(
      ({ terms }) => (this.glossary = new Glossary(terms)),
      () => (this.asked = false), // labels stay plain; the next page tries again
    )
  }

  open(term: TermEntry, from: HTMLElement): void {
    if (this.shown === term && this.from === from) return this.close()
    this.shown = term
    this.from = from
  }

  close(): void {
    const before = this.from
    this.shown = this.from = null
    before?.focus({ preventScroll: true })
  }
}

export const terms = new Terms()
