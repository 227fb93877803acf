import { describe, expect, it } from 'vitest'
import type { Applied, Mark } from '../lib/protocol'
import { isBad, markOf, setSince, withEnd, withJournal, withoutOldEnds } from './marks'

const applied: Applied = { id: 4, kind: 'set', step: 161, status: 'applied', name: 'objective.mse', before: 1, value: 0.5 }
const journaled: Mark = {
  id: 12,
  step: 160,
  time: 5,
  kind: 'set',
  text: 'objective.mse: 1 -> 0.5',
  change: { name: 'objective.mse', before: 1, value: 0.5 },
}

describe('marks', () => {
  it('a frame tells of a change first, the journal takes its place', () => {
    const first = withJournal([], [markOf(applied)!])
    expect(first).toMatchObject([{ step: 160, kind: 'set', text: 'objective.mse: 1 -> 0.5' }])
    expect(first[0].id).toBeLessThan(0)
    expect(withJournal(first, [journaled])).toEqual([journaled])
  })
  it('the journal was quicker: nothing doubles', () => {
    expect(withJournal([journaled], [markOf(applied)!])).toEqual([journaled])
  })
  it('a slider finds its newest change, and in the history the one before', () => {
    const later: Mark = { ...journaled, id: 14, step: 200 }
    expect(setSince([journaled, later], 'objective.mse', Infinity)).toBe(201)
    expect(setSince([journaled, later], 'objective.mse', 180)).toBe(161)
    expect(setSince([journaled, later], 'objective.mse', 160)).toBeNull()
    expect(setSince([journaled], 'objective', Infinity)).toBeNull()
  })
  it('another setting at the same step is another mark', () => {
    expect(withJournal([journaled], [markOf({ ...applied, name: 'objective.kl' })!])).toHaveLength(2)
  })
  it('a crash without a word has a mark, and one with a word has no second', () => {
    expect(withEnd([journaled], 'crashed', 300)[1]).toMatchObject({ step: 300, kind: 'failed' })
    const failed: Mark = { ...journaled, kind: 'failed', text: 'failed: out of memory' }
    expect(withEnd([failed], 'crashed', 300)).toEqual([failed])
    expect(withEnd([journaled], 'finished', 300)).toEqual([journaled])
  })
  it('what went wrong stands out', () => {
    expect(['failed', 'rolled-back', 'step-skipped', 'set'].map((kind) => isBad({ ...journaled, kind }))).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect((['error', 'warning'] as const).map((severity) => isBad({ ...journaled, kind: 'finding', severity }))).toEqual([
      true,
      false,
    ])
  })
  it('an end that the run went on from is not shown, its last one is', () => {
    const at = (kind: string, step: number): Mark => ({ ...journaled, kind, step, text: kind })
    const story = [at('started', 0), at('finished', 400), at('resumed', 400), at('stopped', 700)]
    expect(withoutOldEnds(story).map((mark) => mark.kind)).toEqual(['started', 'resumed', 'stopped'])
    expect(withoutOldEnds([at('stopped', 400), at('resumed', 300)])).toHaveLength(2)
  })
  it('what was refused leaves none, and only the newest are kept', () => {
    expect(markOf({ ...applied, status: 'refused' })).toBeNull()
    expect(markOf({ ...applied, kind: 'pause' })).toBeNull()
    const many = Array.from({ length: 700 }, (_, i) => ({ ...journaled, id: 2 * i, step: i }))
    expect(withJournal(many.slice(0, 400), many.slice(400)).map((mark) => mark.step)[0]).toBe(200)
  })
})
