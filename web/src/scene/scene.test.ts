import { describe, expect, it } from 'vitest'
import { decodeFrame } from '../lib/frame'
import { packed } from '../lib/packed'
import { deadOnes, majority, makeScene, perplexity, possible } from './scene'

const view = {
  kind: 'plane',
  dim: 2,
  levels: 2,
  codes: 2,
  grid: [1, 1],
  variance: null,
  points_of: 'window',
  classes: ['0', '1'],
}

function frame() {
  return decodeFrame(
    packed(
      { step: 500, channel: 'motion', view },
      {
        points: ['f4', [3, 2], [0, 0, 1, 1, 2, 0]],
        labels: ['i2', [3], [0, 1, 1]],
        assigned: ['i4', [3, 2], [0, 1, 1, 0, 1, 1]],
        codes: ['f4', [2, 2, 2], [0, 0, 1.5, 0.5, 0.25, 0, -0.25, 0.5]],
        usage: ['f4', [2, 2], [1 / 3, 2 / 3, 1, 0]],
        idle: ['i4', [2, 2], [0, 0, 0, 400]],
      },
    ),
  )
}

describe('a scene', () => {
  it('of level 1 shows points and codes as they are', () => {
    const scene = makeScene(frame(), 'level')!
    expect([...scene.points]).toEqual([0, 0, 1, 1, 2, 0])
    expect([...scene.marks]).toEqual([0, 0, 1.5, 0.5])
    expect([...scene.owner!]).toEqual([0, 1, 1])
    expect([...scene.dead]).toEqual([0, 0])
  })

  it('of the residual shows what level 1 left over, and the codes of level 2', () => {
    const scene = makeScene(frame(), 'residual')!
    expect([...scene.points]).toEqual([0, 0, -0.5, 0.5, 0.5, -0.5])
    expect([...scene.marks]).toEqual([0.25, 0, -0.25, 0.5])
    expect([...scene.owner!]).toEqual([1, 0, 1])
    expect([...scene.dead]).toEqual([0, 1])
  })

  it('of all combinations has every pair, and the sum of its two codes', () => {
    const scene = makeScene(frame(), 'all')!
    expect([...scene.ids]).toEqual([0, 1, 2, 3])
    expect([...scene.marks]).toEqual([0.25, 0, -0.25, 0.5, 1.75, 0.5, 1.25, 1])
    expect([...scene.owner!]).toEqual([1, 2, 3])
    expect([...scene.dead]).toEqual([1, 0, 0, 0])
  })

  it('of sums has only the pairs that points use', () => {
    const scene = makeScene(frame(), 'sum')!
    expect([...scene.ids]).toEqual([1, 2, 3])
    expect([...scene.marks]).toEqual([-0.25, 0.5, 1.75, 0.5, 1.25, 1])
    expect(scene.usage![0]).toBeCloseTo(1 / 3)
  })

  it('without codes is points alone', () => {
    const bare = decodeFrame(
      packed({ step: 1, channel: 'motion', view: { ...view, levels: 0 } }, { points: ['f4', [1, 2], [3, 4]] }),
    )
    const scene = makeScene(bare, 'all')!
    expect(scene.marks.length).toBe(0)
    expect(possible(bare)).toEqual(['level'])
  })
})

describe('figures', () => {
  it('perplexity is that of the distribution, whatever its sum', () => {
    expect(perplexity([1, 1, 1, 1])).toBeCloseTo(4)
    expect(perplexity([5, 0, 0])).toBeCloseTo(1)
    expect(perplexity([0, 0])).toBe(0)
  })

  it('majority takes the most frequent label of each mark', () => {
    expect([...majority(Int32Array.of(0, 0, 0, 1), Int16Array.of(2, 2, 1, -1), 3)]).toEqual([2, -1, -1])
  })

  it('a code is dead after a hundred idle steps, early in a run after fewer', () => {
    expect([...deadOnes(null, Int32Array.of(0, 99, 100), 3, 5000)]).toEqual([0, 0, 1])
    expect([...deadOnes(null, Int32Array.of(0, 20), 2, 20)]).toEqual([0, 1])
    expect([...deadOnes(null, Int32Array.of(0, 3), 2, 3)]).toEqual([0, 0])
  })
})
