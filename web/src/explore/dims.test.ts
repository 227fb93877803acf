import { describe, expect, it } from 'vitest'
import { commonRange, listOf, nameOf, rangeOf, searched, topsOf, windowOf, type Dimensions } from './dims'

const known = (count: number, idle: number[] = []): Dimensions => {
  const all = Array.from({ length: count }, (_, d) => d)
  return {
    count,
    shape: [count, 1, 1],
    order: [...all.filter((d) => !idle.includes(d)).reverse(), ...idle],
    active: new Set(all.filter((d) => !idle.includes(d))),
    measure: all.map((d) => (idle.includes(d) ? 0 : d / 10)),
    most: count / 10,
    unit: 'nats',
    mean: Float32Array.from(all, (d) => 10 * d),
    deviation: Float32Array.from(all, () => 0.7),
  }
}
const text = (list: ReturnType<typeof listOf>): string =>
  list.map((one) => (one.kind === 'row' ? one.d : `${one.title}${one.open ? '' : '…'}`)).join(' ')

describe('the list of dimensions', () => {
  it('has the most active first, the collapsed folded away', () => {
    expect(text(listOf(known(5, [1, 3]), new Set(), ''))).toBe('4 2 0 2 collapsed…')
    expect(text(listOf(known(5, [1, 3]), new Set(['idle']), ''))).toBe('4 2 0 2 collapsed 1 3')
    expect(text(listOf(known(2, [0, 1]), new Set(), ''))).toBe('2 collapsed 0 1')
  })

  it('is grouped where it is long', () => {
    const list = listOf(known(512, [7]), new Set(['a0', 'a32']), '')
    expect(list.filter((one) => one.kind === 'group').length).toBe(17)
    expect(list.filter((one) => one.kind === 'row').length).toBe(32)
    expect(text(list).startsWith('most active 1–32… most active 33–64 479 478')).toBe(true)
  })

  it('is searched by number, range and channel', () => {
    expect(text(listOf(known(50, [3]), new Set(), '3, z5, 10-12'))).toBe('12 11 10 5 3')
    expect(listOf(known(50), new Set(), 'what')).toEqual([])
    expect([...searched('ch 1', { count: 12, shape: [3, 2, 2] })!]).toEqual([4, 5, 6, 7])
    expect([...searched('11-99', { count: 12, shape: [3, 2, 2] })!]).toEqual([11])
  })

  it('names a place on a grid', () => {
    expect(nameOf(3, [8, 1, 1])).toBe('z 3')
    expect(nameOf(7, [3, 2, 2])).toBe('z 7 · ch 1 (1, 1)')
  })
})

describe('what is seen of many rows', () => {
  it('is a window, with some more on each side', () => {
    const tops = topsOf(Array.from({ length: 100 }, () => 10))
    expect(windowOf(tops, 0, 50, 2)).toEqual([0, 7])
    expect(windowOf(tops, 500, 50, 2)).toEqual([48, 57])
    expect(windowOf(tops, 5000, 50, 2)).toEqual([98, 100])
    expect(windowOf(topsOf([]), 0, 50)).toEqual([0, 0])
  })
})

describe('a slider', () => {
  it('reaches as far as the prior, or as the data', () => {
    expect(rangeOf('gaussian', known(3), 2)).toEqual([-3, 3])
    expect(rangeOf('plain', known(3), 2)).toEqual([17, 23])
    expect(commonRange('plain', known(3))).toEqual([-30, 30])
  })
})
