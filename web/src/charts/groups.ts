import type { MetricEntry, Split } from '../lib/protocol'
import type { Metrics } from './metrics'

/** Which series belong together on one chart: metrics of one kind, so that one scale serves them all. */
export type Group = 'losses' | 'quality' | 'codebook' | 'optimiser'
export const GROUPS: { key: Group; text: string }[] = [
  { key: 'losses', text: 'Loss' },
  { key: 'quality', text: 'Quality' },
  { key: 'codebook', text: 'Codes' },
  { key: 'optimiser', text: 'Optimiser' },
]

export interface Line {
  key: string // what the address calls it: `t.mse`, `w.mse` (weighted), `v.mse`
  name: string
  split: Split
  series: string
  times: string | null // the series of weights it is multiplied by
}

const KINDS: Record<Group, MetricEntry['group'][]> = {
  losses: ['loss'],
  quality: ['quality'],
  codebook: ['codebook', 'latent', 'fact'],
  optimiser: ['optimisation', 'speed'],
}

/** The lines that a group offers, given what was logged. */
export function linesOf(group: Group, train: Iterable<string>, val: Iterable<string>, metrics: Metrics): Line[] {
  const trained = metrics.ordered(train).filter((name) => !metrics.dimension(name))
  const held = metrics.ordered(val).filter((name) => !metrics.dimension(name))
  const line = (split: Split, series: string): Line => ({
    key: `${split === 'train' ? 't' : 'v'}.${series}`,
    name: metrics.label(series, split),
    split,
    series,
    times: null,
  })
  const here = (name: string): boolean => KINDS[group].includes(metrics.of(name).group)
  if (group === 'losses') {
    const terms = trained.filter((name) => here(name) || trained.includes(`weight.${name}`))
    const weighted = terms
      .filter((name) => trained.includes(`weight.${name}`))
      .map((name) => ({
        ...line('train', name),
        key: `w.${name}`,
        name: `${metrics.label(name, 'train')} × weight`,
        times: `weight.${name}`,
      }))
    // Of the terms training has enough; what it does not measure is here or nowhere.
    const judged = held.filter((name) => name === 'loss' || (here(name) && !trained.includes(name)))
    return [...terms.map((name) => line('train', name)), ...judged.map((name) => line('val', name)), ...weighted]
  }
  const [ours, theirs] = [
    trained.filter(here).map((name) => line('train', name)),
    held.filter(here).map((name) => line('val', name)),
  ]
  return group === 'quality' ? [...theirs, ...ours] : [...ours, ...theirs]
}

/** What is drawn before anyone chose: a handful that belong on one scale. */
export function chosenAtFirst(group: Group, lines: Line[], metrics: Metrics): string[] {
  const keys = lines.map((line) => line.key)
  const among = (wanted: (metric: MetricEntry) => boolean): string[] =>
    lines.filter((line) => wanted(metrics.of(line.series))).map((line) => line.key)
  if (group === 'losses') return keys.filter((key) => key.startsWith('t.') || key === 'v.loss')
  if (group === 'quality') {
    const lead = metrics.lead(lines.filter((line) => line.split === 'val').map((line) => line.series))
    return lead ? [`v.${lead}`] : keys.slice(0, 2)
  }
  if (group === 'codebook') return among((metric) => metric.headline !== null)
  return among((metric) => metric.group === 'optimisation' && metric.part === null && metric.better === null) // neither good nor bad
}
