import type { ModelResponse } from '../lib/frame'
import type { AboutFacts } from '../lib/protocol'

/** What is known of each dimension of a latent: the measured activity, or nothing yet. */
export interface Dimensions {
  count: number
  shape: readonly [number, number, number]
  order: readonly number[] // most active first
  active: ReadonlySet<number>
  measure: readonly number[] // by dimension: KL in nats, or the variance where the latent has no prior
  most: number // the largest of these; 0: not measured
  unit: 'nats' | 'deviation'
  mean: Float32Array | null
  deviation: Float32Array | null
}

/** Nats: where every dimension holds less, bars that are full would mislead. */
const LITTLE = 0.25

export function dimensionsOf(about: AboutFacts, found: ModelResponse<'statistics'> | null): Dimensions {
  const [depth, height, width] = about.latent
  const count = depth * height * width
  const shape = [depth, height, width] as const
  const all = Array.from({ length: count }, (_, d) => d)
  if (!found)
    return {
      count,
      shape,
      order: all,
      active: new Set(all),
      measure: all.map(() => 0),
      most: 0,
      unit: about.space === 'gaussian' ? 'nats' : 'deviation',
      mean: null,
      deviation: null,
    }
  const measure = Array.from(found.kl?.data ?? found.deviation.data)
  return {
    count,
    shape,
    order: Array.from(found.order.data),
    active: new Set(all.filter((d) => found.active.data[d] === 1)),
    measure,
    most: measure.reduce((most, one) => Math.max(most, one), found.kl ? LITTLE : 0),
    unit: found.kl ? 'nats' : 'deviation',
    mean: found.mean.data,
    deviation: found.deviation.data,
  }
}

/** Where a slider of a dimension begins and ends: the prior's -3 to 3, or four deviations about the mean where there is no prior. */
export function rangeOf(space: AboutFacts['space'], known: Dimensions, d: number): [number, number] {
  if (space === 'gaussian' || !known.mean || !known.deviation) return [-3, 3]
  const reach = tidy(Math.max(4 * known.deviation[d], 0.01))
  const middle = Math.abs(known.mean[d]) < reach / 4 ? 0 : Number(known.mean[d].toPrecision(2))
  return [middle - reach, middle + reach]
}

/** The range that suits most dimensions: of rows that all move alike. */
export function commonRange(space: AboutFacts['space'], known: Dimensions): [number, number] {
  if (space === 'gaussian' || !known.deviation || !known.mean) return [-3, 3]
  let most = 0.01
  for (const d of known.active) most = Math.max(most, Math.abs(known.mean[d]) + 2 * known.deviation[d])
  return [-tidy(most), tidy(most)]
}

/** The next larger of 1, 1.5, 2, 3, 4, 5, 6, 8 in its decade. */
function tidy(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value))
  return decade * ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * decade >= value * 0.999) ?? 10)
}

/** A value of a dimension in two places; -0.00 is 0.00. */
export const figureOf = (value: number): string => {
  const text = value.toFixed(Math.abs(value) < 100 ? 2 : 0)
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text
}

/** `z 7`; on a grid also where it is: `z 7 · ch 0 (1, 3)`, row and column. */
export const nameOf = (d: number, [, height, width]: readonly [number, number, number]): string =>
  height * width === 1
    ? `z ${d}`
    : `z ${d} · ch ${Math.floor(d / (height * width))} (${Math.floor((d % (height * width)) / width)}, ${d % width})`

/** Numbers and ranges of what is searched for: `3, 17, 40-60`, or `ch 2` of a grid; null where it is none of these. */
export function searched(text: string, known: Pick<Dimensions, 'count' | 'shape'>): Set<number> | null {
  const found = new Set<number>()
  const each = known.shape[1] * known.shape[2]
  for (const part of text
    .split(/[,;]+/)
    .map((one) => one.trim().toLowerCase())
    .filter(Boolean)) {
    const [, channel, first, last] = /^(?:(?:ch|channel)\s*(\d+)|z?\s*(\d+)(?:\s*[-–]\s*(\d+))?)$/.exec(part) ?? []
    if (channel !== undefined) for (let i = 0; i < each; i++) found.add(Number(channel) * each + i)
    else if (first !== undefined)
      for (let d = Number(first); d <= Math.min(Number(last ?? first), known.count - 1); d++) found.add(d)
    else return null
  }
  for (const d of found) if (d >= known.count) found.delete(d)
  return found
}

export interface Group {
  kind: 'group'
  key: string
  title: string
  aside: string
  open: boolean
}
export interface Row {
  kind: 'row'
  d: number
}

const OF_GROUP = 32

/**
 * The list of dimensions: the active ones in groups of 32, most active first, then the collapsed ones, folded away. Of a search all
 * that was found. `turned` holds the groups that are not as they are at first: the first is open, all others are folded.
 */
export function listOf(known: Dimensions, turned: ReadonlySet<string>, search: string): (Group | Row)[] {
  const rows = (numbers: readonly number[]): Row[] => numbers.map((d) => ({ kind: 'row', d }))
  if (search.trim()) {
    const found = searched(search, known)
    return found ? rows(known.order.filter((d) => found.has(d))) : []
  }
  const active = known.order.filter((d) => known.active.has(d))
  const idle = known.order.filter((d) => !known.active.has(d))
  const out: (Group | Row)[] = []
  const group = (key: string, title: string, aside: string, numbers: readonly number[], first: boolean): void => {
    const open = first !== turned.has(key)
    out.push({ kind: 'group', key, title, aside, open })
    if (open) out.push(...rows(numbers))
  }
  if (active.length <= OF_GROUP * 1.5) out.push(...rows(active))
  else
    for (let from = 0; from < active.length; from += OF_GROUP) {
      const some = active.slice(from, from + OF_GROUP)
      const sum = some.reduce((total, d) => total + known.measure[d], 0)
      const aside = known.most ? (known.unit === 'nats' ? `${sum.toFixed(1)} nats` : `σ ${(sum / some.length).toFixed(2)}`) : ''
      group(
        `a${from}`,
        known.most ? `most active ${from + 1}–${from + some.length}` : `${some[0]}–${some.at(-1)}`,
        aside,
        some,
        from === 0,
      )
    }
  if (idle.length)
    group('idle', `${idle.length} collapsed`, known.unit === 'nats' ? 'no information' : 'constant', idle, active.length === 0)
  return out
}

/** Which of many rows of their heights are seen: [first, behind the last), and where the first begins; with some more on each side. */
export function windowOf(tops: readonly number[], from: number, height: number, more = 3): [number, number] {
  let low = 0
  let high = tops.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (tops[middle + 1] <= from) low = middle + 1
    else high = middle
  }
  let end = low
  while (end < tops.length - 1 && tops[end] < from + height) end++
  return [Math.max(0, low - more), Math.min(tops.length - 1, end + more)]
}

/** Where each row begins, and behind the last where all end. */
export function topsOf(heights: readonly number[]): number[] {
  const tops = [0]
  for (const height of heights) tops.push(tops[tops.length - 1] + height)
  return tops
}
