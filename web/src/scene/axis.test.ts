import { describe, expect, it } from 'vitest'
import { Axis } from './axis'

/** Stored as the trainer does: about 48 frames each time that a run grows by e. */
function stored(until: number): number[] {
  const steps: number[] = []
  for (let step = 1; step <= until; step += Math.max(1, Math.floor(step / 48))) steps.push(step)
  return steps
}

describe('the axis of the timeline', () => {
  const steps = stored(900)
  const axis = new Axis(steps, 900, 900)
  it('gives every stored frame room to be picked', () => {
    const gaps = steps.slice(1).map((step, i) => axis.place(step) - axis.place(steps[i]))
    expect(Math.min(...gaps) * 1000).toBeGreaterThan(2)
    for (const step of steps) expect(axis.nearest(steps, axis.place(step))).toBe(step)
  })
  it('leads back from a place to its step', () => {
    for (const step of [1, 30.5, 400, 900]) expect(axis.step(axis.place(step))).toBeCloseTo(step)
    expect([axis.place(0), axis.place(1), axis.place(900)]).toEqual([0, 0, 1]) // no frame is of step 0: the first begins the track
    expect(new Axis([400, 500], 900, 900).place(400)).toBeGreaterThan(0.2)
    const whole = new Axis([0, ...steps], 900, 900)
    expect(whole.place(0)).toBe(0)
    expect(whole.place(1) * 1000).toBeGreaterThan(2)
    for (const step of [0, ...steps]) expect(whole.nearest([0, ...steps], whole.place(step))).toBe(step)
  })
  it('gives a young run room, and is even in what is to come', () => {
    const half = new Axis(steps, 900, 1800)
    const now = half.place(900)
    expect(now).toBeGreaterThan(0.5)
    expect(now).toBeLessThan(0.75)
    expect(half.place(1350)).toBeCloseTo((now + 1) / 2)
    expect(new Axis(stored(18), 18, 1800).place(18)).toBeGreaterThan(0.05)
  })
  it('never moves back or jumps while the run goes on', () => {
    const ends = Array.from({ length: 1801 }, (_, now) => new Axis([], now, 1800).place(now))
    const moves = ends.slice(1).map((place, i) => place - ends[i])
    expect(Math.min(...moves)).toBeGreaterThan(0)
    expect(Math.max(...moves.slice(20))).toBeLessThan(0.01)
  })
  it('stands without a history', () => {
    const empty = new Axis([], 0, 1)
    expect([empty.place(0), empty.place(1), empty.nearest([], 0.5)]).toEqual([0, 1, null])
  })
})
