import type { MetricEntry, Split } from '../lib/protocol'

/**
 * The metrics of a run as the server names them, in the order in which they are shown. `of('perplexity.2')` is the entry
 * of `perplexity`.
 */
export class Metrics {
  private readonly known: Map<string, MetricEntry>
  private readonly place: Map<string, number>

  constructor(list: MetricEntry[] = []) {
    this.known = new Map([...list].reverse().map((metric) => [metric.name, metric])) // of two with one name the first
    this.place = new Map(
      list
        .map((metric) => metric.name)
        .filter((name, i, all) => all.indexOf(name) === i)
        .map((name, i) => [name, i]),
    )
  }

  of(series: string): MetricEntry {
    const name = base(series)
    return this.known.get(name) ?? unknown(name)
  }

  /** `validation perplexity, level 2` or `perplexity, level 2, last 100 steps`: no value of training is called as one of validation is. */
  label(series: string, split: Split): string {
    const metric = this.of(series)
    const label = [metric.label, this.part(series)].filter(Boolean).join(metric.part === 'term' ? ' of ' : ', ')
    if (split === 'val') return `validation ${label}`
    return metric.window ? `${label}, ${metric.window}` : label
  }

  /** `level 2`, `dimension 5`, `codebook 1`, the name of a loss term. */
  private part(series: string): string {
    const kind = this.of(series).part
    const part = series.slice(base(series).length + 1)
    if (!part || kind === null || kind === 'term') return part
    return `${kind === 'set' ? 'codebook' : kind} ${part}`
  }

  /** Whether it is one of many dimensions: these are no lines of a chart. */
  dimension(series: string): boolean {
    return this.of(series).part === 'dimension' && series !== base(series)
  }

  /** In the order of the table, the unknown ones at the end as they came. */
  ordered(names: Iterable<string>): string[] {
    return [...names].sort(
      (a, b) => this.rank(a) - this.rank(b) || (this.place.has(base(a)) ? a.localeCompare(b, 'en', { numeric: true }) : 0),
    )
  }

  /** First those that stand for a run as a whole, the others after them. */
  headlinesFirst(names: Iterable<string>): string[] {
    const rank = (name: string): number => this.of(name).headline ?? Infinity
    return this.ordered(names).sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)))
  }

  /** The one metric of quality to show first: one with a unit, which speaks for itself. */
  lead(names: Iterable<string>): string | undefined {
    const found = this.headlinesFirst(names).filter(
      (name) => this.of(name).group === 'quality' && this.of(name).headline !== null,
    )
    return found.find((name) => this.of(name).unit) ?? found[0]
  }

  private rank(series: string): number {
    return this.place.get(base(series)) ?? this.place.size
  }
}

const base = (series: string): string => series.split('.', 1)[0]

/** A metric that no table names: most likely a loss term that somebody added. */
const unknown = (name: string): MetricEntry => ({
  name,
  label: name.replaceAll('_', ' '),
  group: 'loss',
  unit: '',
  reduction: 'mean',
  better: null,
  part: null,
  measured: 'both',
  window: '',
  decimals: null,
  headline: null,
  most: '',
  term: false,
  setting: false,
  help: '',
})
