import { valueAt, written } from '../forms/fields'
import { figure } from '../lib/format'
import type { FindingEntry, FixEntry } from '../lib/protocol'

/** What the card shows first, what follows from it, and everything else, in the order that the doctor gave. */
export interface Sorted {
  first: FindingEntry | null // the cause to act on; null where nothing is of severity warning or above
  follows: FindingEntry[] // consequences of the first
  others: FindingEntry[] // other causes, each followed by its consequences
  notes: FindingEntry[] // good to know: nothing to fix
}

export function sorted(findings: readonly FindingEntry[]): Sorted {
  const notes = findings.filter((one) => one.severity === 'info')
  const faults = findings.filter((one) => one.severity !== 'info')
  const causes = faults.filter((one) => !one.because || !faults.some((other) => other.code === one.because))
  const of = (cause: FindingEntry): FindingEntry[] => faults.filter((one) => !causes.includes(one) && one.because === cause.code)
  const [first, ...rest] = causes
  return { first: first ?? null, follows: first ? of(first) : [], others: rest.flatMap((cause) => [cause, ...of(cause)]), notes }
}

/** One line for each setting that a fix changes: its path, what it is now, what it becomes. */
export interface Changed {
  path: string
  before: string
  after: string
}

export function changesOf(fix: FixEntry, spec: unknown): Changed[] {
  return Object.entries(fix.changes).map(([path, value]) => ({
    path,
    before: briefly(valueAt(spec, path)),
    after: briefly(value),
  }))
}

/** A value as a person reads it; a setting that is not there has its default. */
function briefly(value: unknown): string {
  if (value === undefined) return 'default'
  if (typeof value === 'number') return String(Number(value.toPrecision(4)))
  if (value && typeof value === 'object' && !Array.isArray(value) && !Object.keys(value).length) return 'on'
  return value === null ? 'none' : written(value)
}

/** `measured 1.12, threshold 1.5`, in words that a screen reader reads as well. */
export const measured = (one: FindingEntry): { value: string; threshold: string } => ({
  value: figure(one.measured),
  threshold: figure(one.threshold),
})

/** In the address: the finding to act on, whichever it is. */
export const FIRST = 'first'

/** A finding by its code, and whether it stands in one of the folds of the card. */
export function foldOf(code: string, of: Sorted): 'first' | 'follows' | 'others' | 'notes' | null {
  if (of.first?.code === code) return 'first'
  const fold = (['follows', 'others', 'notes'] as const).find((name) => of[name].some((one) => one.code === code))
  return fold ?? null
}
