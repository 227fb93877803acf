import { describe, expect, it } from 'vitest'
import { nearestIn, placesOf } from './places'

/** Numbers that look drawn, and are the same each time. */
function drawn(count: number): Float32Array {
  let state = 12345
  return Float32Array.from({ length: count }, () => ((state = (state * 1103515245 + 12345) % 2147483648) / 2147483648) * 10 - 5)
}

describe('the nearest point', () => {
  it('is the one that looking at all of them finds', () => {
    const points = drawn(4000)
    const places = placesOf(points)
    for (let n = 0; n < 200; n++) {
      const [x, y] = [points[2 * n] + 0.03, points[2 * n + 1] - 0.02]
      let best = 0
      const away = (i: number): number => (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2
      for (let i = 1; i < points.length / 2; i++) if (away(i) < away(best)) best = i
      expect(nearestIn(places, x, y, 0.5)).toBe(best)
    }
  })

  it('is one that may be chosen, within reach', () => {
    const places = placesOf(Float32Array.from([0, 0, 1, 0, NaN, 0]))
    expect(nearestIn(places, 0.1, 0, 2)).toBe(0)
    expect(nearestIn(places, 0.1, 0, 2, (i) => i !== 0)).toBe(1)
    expect(nearestIn(places, 5, 5, 1)).toBeNull()
    expect(nearestIn(placesOf(new Float32Array(0)), 0, 0, 1)).toBeNull()
  })
})
