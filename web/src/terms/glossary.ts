import type { TermEntry } from '../lib/protocol'

/** The terms of the glossary by every name that finds them. The same rules as in src/tilework/explain/glossary. */
export class Glossary {
  private readonly known = new Map<string, TermEntry>()

  constructor(readonly terms: readonly TermEntry[] = []) {
    for (const term of terms) for (const word of term.also) this.known.set(key(word), term)
    for (const term of terms) this.known.set(term.name, term)
  }

  /** The term of a word, however it is written: `N/K`, `active_units`, `Active units`. */
  find(word: string): TermEntry | undefined {
    return this.known.get(key(word))
  }

  /** The term of a series or a loss term: `perplexity.2`; of `codebook`, as a loss, the codebook loss and not the table of codes. */
  ofSeries(series: string, isLoss: boolean): TermEntry | undefined {
    const base = series.split('.', 1)[0]
    return (isLoss ? this.find(`${base}-loss`) : undefined) ?? this.find(base)
  }

  /** The term of a setting by its path: `objective.commitment` is a loss, of `optimizer.lr` the last part counts. */
  ofSetting(path: string): TermEntry | undefined {
    const [section, ...rest] = path.split('.')
    if (section === 'objective') return this.ofSeries(rest[0] ?? '', true)
    return [...rest]
      .reverse()
      .map((part) => this.find(part))
      .find((term) => term !== undefined)
  }

  /** The terms that one leads to, of those that there are. */
  related(term: TermEntry): TermEntry[] {
    return term.related.map((name) => this.known.get(name)).filter((one) => one !== undefined)
  }
}

const key = (word: string): string => word.trim().toLowerCase().replaceAll('_', ' ').replaceAll('-', ' ').split(/\s+/).join('-')
