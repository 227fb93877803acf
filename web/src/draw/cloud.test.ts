import { describe, expect, it } from 'vitest'
import { masksOf, over } from './cloud'

const SIDE = 32

/** The same dots in floating point, premultiplied, pixel by pixel: what "source over" means. */
function reference(
  dots: { x: number; y: number; colour: [number, number, number]; alpha: number; phase: number }[],
  radius: number,
): number[] {
  const { side, fill } = masksOf(radius, 1)
  const out = new Array<number>(4 * SIDE * SIDE).fill(0)
  for (const dot of dots) {
    const mask = fill[dot.phase]
    for (let i = 0; i < mask.opacity.length; i++) {
      const [x, y] = [dot.x - (side >> 1) + mask.x[i], dot.y - (side >> 1) + mask.y[i]]
      if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) continue
      const a = (mask.opacity[i] / 255) * dot.alpha
      const at = 4 * (y * SIDE + x)
      for (let c = 0; c < 3; c++) out[at + c] = (dot.colour[c] / 255) * a + out[at + c] * (1 - a)
      out[at + 3] = a + out[at + 3] * (1 - a)
    }
  }
  return out
}

describe('a cloud of dots', () => {
  it('is what blending each dot over the others in floating point gives', () => {
    let seed = 7
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647
    const dots = Array.from({ length: 60 }, () => ({
      x: Math.floor(random() * SIDE),
      y: Math.floor(random() * SIDE),
      phase: Math.floor(random() * 16),
      alpha: 0.2 + 0.75 * random(),
      colour: [Math.floor(random() * 256), Math.floor(random() * 256), Math.floor(random() * 256)] as [number, number, number],
    }))
    const { side, fill } = masksOf(2.7, 1)
    const words = new Uint32Array(SIDE * SIDE)
    for (const dot of dots)
      over(words, SIDE, SIDE, fill[dot.phase], dot.x - (side >> 1), dot.y - (side >> 1), dot.colour, dot.alpha)
    const bytes = new Uint8Array(words.buffer)
    const wanted = reference(dots, 2.7)
    let most = 0
    for (let at = 0; at < wanted.length; at += 4) {
      const alpha = bytes[at + 3] / 255
      most = Math.max(most, Math.abs(alpha - wanted[at + 3]))
      // As it ends up over black: what little is there of a hardly covered pixel has a colour of few digits.
      for (let c = 0; c < 3; c++) most = Math.max(most, Math.abs((bytes[at + c] / 255) * alpha - wanted[at + c]))
    }
    expect(most).toBeLessThan(4 / 255)
  })

  it('covers the area of its disc, wherever its middle lies within a pixel', () => {
    for (const [radius, ratio] of [
      [2.7, 1],
      [1.6, 2],
      [2.1, 1.5],
    ]) {
      for (const mask of masksOf(radius, ratio).fill) {
        const area = mask.opacity.reduce((sum, one) => sum + one, 0) / 255
        expect(area / (Math.PI * (radius * ratio) ** 2)).toBeCloseTo(1, 1)
      }
    }
  })

  it('stays within its image', () => {
    const words = new Uint32Array(SIDE * SIDE)
    const { side, fill } = masksOf(2.7, 2)
    for (const [x, y] of [
      [-20, 5],
      [0, 0],
      [SIDE - 1, SIDE - 1],
      [SIDE + 20, 3],
    ])
      over(words, SIDE, SIDE, fill[0], x - (side >> 1), y - (side >> 1), [255, 0, 0], 1)
    expect(words[0]).toBe(0xff0000ff)
    expect(words[SIDE * (SIDE >> 1) + (SIDE >> 1)]).toBe(0)
  })
})
