// @vitest-environment node
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { columnsOf, isMany } from './usage'

let density: typeof import('./density')
beforeAll(async () => {
  vi.stubGlobal('document', { createElement: () => ({}) })
  density = await import('./density')
})

describe('a crowd of codes', () => {
  it('is counted where it is on screen', () => {
    expect(density.onScreen([5, 5, -1, 5, 99, 99, 100, 5], 100, 100)).toBe(2)
  })
  it('is as dense as there are codes, spread a little, and none is lost', () => {
    const found = density.densityOf([15, 15, 15, 15, 45, 45, 15, 15], (i) => i !== 3, 6, 6, 10)
    expect(found.reduce((a, b) => a + b)).toBeCloseTo(3)
    expect(found[1 * 6 + 1]).toBeCloseTo(2 / 4)
    expect(found[4 * 6 + 4]).toBeCloseTo(1 / 4)
    expect(found[5]).toBe(0)
  })
  it('at a border is not lost either', () => {
    expect(density.densityOf([0, 0, 39, 39], () => true, 4, 4, 10).reduce((a, b) => a + b)).toBeCloseTo(2)
  })
})

describe('the usage of many codes', () => {
  const level = {
    usage: Float32Array.of(0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0),
    order: Uint32Array.from({ length: 8 }, (_, i) => i),
    dead: Uint8Array.of(0, 0, 0, 0, 0, 1, 1, 1),
    revived: Int32Array.of(-1, 90, -1, -1, -1, -1, -1, -1),
  }
  it('is drawn in columns from some hundred on, and where a bar would be thinner than can be seen', () => {
    expect([isMany(300, 800), isMany(301, 800), isMany(256, 320)]).toEqual([false, true, true])
  })
  it('keeps mean, largest, unused and revived of each column', () => {
    const [first, second, third, last] = columnsOf(level, 4, 100)
    expect([first.mean, first.most, first.unused, first.revived].map((v) => Math.round(v * 100))).toEqual([35, 40, 0, 50])
    expect([second.mean, third.unused, last.unused].map((v) => Math.round(v * 100))).toEqual([15, 50, 100])
    expect(columnsOf(level, 4, 1000)[0].revived).toBe(0)
    expect(columnsOf(level, 99, 100).length).toBe(8)
  })
})
