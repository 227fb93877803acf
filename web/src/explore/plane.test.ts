import { lay, sizeFor } from './codegrid'
import { mostBars } from './zchart'
import { describe, expect, it } from 'vitest'
import { pairOf, toShare, toValue } from './plane'

const span = { low: -3, high: 3, steps: 7 }

describe('a plane', () => {
  it('has each image in the middle of its part', () => {
    expect(toShare(span, -3)).toBeCloseTo(0.5 / 7)
    expect(toShare(span, 0)).toBeCloseTo(0.5)
    expect(toValue(span, toShare(span, 1.25))).toBeCloseTo(1.25)
    expect([toValue(span, -1), toValue(span, 2)]).toEqual([-3.5, 3.5])
  })

  it('is of two dimensions that are there', () => {
    expect(pairOf('3,1', [2, 0, 1, 3])).toEqual([3, 1])
    for (const text of [undefined, '', '1', '1,1', '1,9', 'x,y', '0,1,2', '-1,2'])
      expect(pairOf(text, [2, 0, 1, 3])).toEqual([2, 0])
    expect(pairOf(undefined, [1, 0])).toEqual([0, 1])
    expect(pairOf(undefined, [0])).toEqual([0, 0])
  })
})

describe('tiles of few codes', () => {
  it('are as large as all of them fit, and never below the least', () => {
    const size = sizeFor(1200, 740, 16, 20, 56, 192)
    expect(size).toBeGreaterThan(120)
    expect(lay(1200, 16, size, 20).height).toBeLessThanOrEqual(740)
    expect(lay(1200, 16, size + 4, 20).height > 740 || size === 192).toBe(true)
    expect(sizeFor(1200, 740, 4096, 20, 56, 192)).toBe(56)
    expect(sizeFor(0, 0, 16, 20, 56, 192)).toBe(56)
  })
})

describe('bars of z', () => {
  it('are only as many as can be told apart', () => {
    expect(mostBars(636)).toBe(200)
    expect(mostBars(0)).toBe(16)
  })
})
