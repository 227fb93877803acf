import { figure } from '../lib/format'
import type { Applied, ChangedSetting, Mark } from '../lib/protocol'

/** A slider that was dragged leaves dozens of marks: those of one setting, each soon after the one before, become one. */
const SOON_SECONDS = 4

export function gathered(marks: Mark[]): Mark[] {
  const out: Mark[] = []
  for (const mark of marks) {
    const last = out[out.length - 1]
    const [now, first] = [mark.change, last?.change]
    if (now && first && now.name === first.name && mark.time - last.time < SOON_SECONDS) {
      out[out.length - 1] = asSet(mark, { ...now, before: first.before })
    } else out.push(mark)
  }
  return out
}

/** Whether a mark says that something went wrong. */
export function isBad(mark: Mark): boolean {
  return ['failed', 'rolled-back'].includes(mark.kind) || mark.severity === 'error'
}

/** A run whose process was killed has no word of its end in its journal: the bar shows where that was. */
export function withEnd(marks: Mark[], status: string, step: number): Mark[] {
  const last = marks[marks.length - 1]
  if (status !== 'crashed' || last?.kind === 'failed') return marks
  return [...marks, { id: -1e9, step, time: last?.time ?? 0, kind: 'failed', text: 'crashed' }]
}

/** Where a run went on from its end, that it ended there once is no news: its place is for what came after. */
export function withoutOldEnds(marks: Mark[]): Mark[] {
  return marks.filter(
    (mark, i) =>
      !['finished', 'stopped'].includes(mark.kind) ||
      !marks.slice(i + 1).some((later) => later.kind === 'resumed' && later.step === mark.step),
  )
}

/** A mark of this change. */
function asSet(mark: Omit<Mark, 'text'>, change: ChangedSetting): Mark {
  return { ...mark, change, text: `${change.name}: ${figure(change.before, 4)} -> ${figure(change.value, 4)}` }
}

/** The server sends as many at once, and nobody sees more. */
const MOST = 500

/**
 * The mark of a command that a frame says has acted. The journal says the same, but only after the store has been written and read;
 * until then this one stands, with a number below zero.
 */
export function markOf(one: Applied): Mark | null {
  if (one.kind !== 'set' || one.status !== 'applied' || one.value == null || one.before == null) return null
  const change = { name: one.name ?? '', before: one.before, value: one.value }
  return asSet({ id: -one.id, step: one.step - 1, time: Date.now() / 1000, kind: 'set' }, change)
}

/** The first step with the newest value that a setting was given before `step`; null where none was. */
export function setSince(marks: Mark[], name: string, step: number): number | null {
  const known = marks.filter((mark) => mark.change?.name === name && mark.step < step)
  return known.length ? Math.max(...known.map((mark) => mark.step)) + 1 : null
}

/**
 * Marks with newer ones after them. What the journal has replaces what a frame brought already, and the other way about
 * nothing doubles.
 */
export function withJournal(marks: Mark[], more: Mark[]): Mark[] {
  const same = (a: Mark, b: Mark): boolean => a.kind === b.kind && a.step === b.step && nameOf(a) === nameOf(b)
  const fresh = more.filter((mark) => mark.id >= 0 || !marks.some((known) => same(known, mark)))
  const kept = marks.filter((known) => known.id >= 0 || !fresh.some((mark) => mark.id >= 0 && same(known, mark)))
  return [...kept, ...fresh].slice(-MOST)
}

function nameOf(mark: Mark): string {
  return mark.change?.name ?? mark.text
}
