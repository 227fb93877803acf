import { describe, expect, it } from 'vitest'
import { following, Playing } from './playing.svelte'

function run(timeline: number[], at: number | null) {
  const shown: (number | null)[] = []
  const made = {
    timeline,
    at,
    loadingStep: null,
    shown,
    async show(step: number | null) {
      made.at = step
      shown.push(step)
    },
  }
  return made
}
const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

describe('playing the history', () => {
  it('knows what comes next', () => {
    expect(following([0, 5, 9], null)).toBeNull()
    expect(following([0, 5, 9], 0)).toBe(5)
    expect(following([0, 5, 9], 6)).toBe(9)
    expect(following([0, 5, 9], 9)).toBeNull()
    expect(following([], 3)).toBeNull()
  })
  it('begins anew at the end, goes on from the middle, and ends at what is newest', async () => {
    const of = run([0, 5, 9], null)
    const ends: (number | null)[] = []
    const playing = new Playing(
      of,
      (step) => ends.push(step),
      async () => undefined,
    )
    playing.toggle()
    await settled()
    expect([of.shown, ends, playing.on]).toEqual([[0, 5, 9], [null], false])
    of.at = 5
    playing.toggle()
    await settled()
    expect([of.shown, ends]).toEqual([
      [0, 5, 9, 9],
      [null, null],
    ])
  })
  it('stops where it is told to, and gives way to someone who goes elsewhere', async () => {
    const of = run([0, 5, 9], null)
    const ends: (number | null)[] = []
    let goOn = (): void => undefined
    const playing = new Playing(
      of,
      (step) => ends.push(step),
      () => new Promise((resolve) => (goOn = resolve)),
    )
    playing.toggle()
    goOn()
    await settled()
    expect(of.at).toBe(5)
    playing.toggle()
    goOn()
    await settled()
    expect([of.shown, ends, playing.on]).toEqual([[0, 5], [5], false])
    playing.toggle()
    await settled()
    of.at = 0
    goOn()
    await settled()
    expect([of.shown, ends, playing.on]).toEqual([[0, 5, 9], [5], false])
  })
  it('does nothing without a history', async () => {
    const of = run([], null)
    const playing = new Playing(
      of,
      () => undefined,
      async () => undefined,
    )
    playing.toggle()
    await settled()
    expect([of.shown, playing.on]).toEqual([[], false])
  })
})
