import { describe, expect, it } from 'vitest'
import { decodeFrame, type Frame } from '../lib/frame'
import { packed } from '../lib/packed'
import { knownOf, pointNear } from './hovered'

const motion = (changes: object = {}): Frame =>
  decodeFrame(
    packed(
      {
        v: 1,
        channel: 'motion',
        step: 1,
        view: {
          kind: 'plane',
          dim: 2,
          levels: 2,
          codes: 4,
          grid: [1, 1],
          points_of: 'window',
          points_fixed: 2,
          classes: ['zero', 'one'],
          ...changes,
        },
      },
      {
        points: ['f4', [4, 2], [0, 0, 1, 0, 0, 1, 5, 5]],
        labels: ['i2', [4], [0, 1, -1, 1]],
        assigned: ['i4', [4, 2], [0, 1, 2, 3, 1, 1, 3, 0]],
      },
    ),
  )
const images = decodeFrame(
  packed(
    { v: 1, channel: 'images', step: 1 },
    { thumbs: ['u1', [3, 1, 1, 1], [10, 20, 30]], probe: ['f4', [3, 2], [9, 9, 0, 0.9, 4, 4]] },
  ),
)

describe('the point under the pointer', () => {
  it('is the nearest within reach, of those that are seen', () => {
    const camera = { x: 0, y: 0, scale: 10 }
    const points = motion().f4('points')!
    expect(pointNear(points, camera, [100, 100], 57, 50, () => true)).toBe(1)
    expect(pointNear(points, camera, [100, 100], 54, 50, (row) => row !== 0)).toBe(1)
    expect(pointNear(points, camera, [100, 100], 80, 80, () => true)).toBeNull()
  })

  it('tells its class and codes', () => {
    expect(knownOf(1, motion(), undefined)).toEqual({ label: 'one', codes: [2, 3], image: null })
    expect(knownOf(2, motion(), undefined).label).toBeNull()
  })

  it('shows itself where it is one of the fixed images, else the nearest of them', () => {
    expect([0, 1, 2, 3].map((row) => knownOf(row, motion(), images).image)).toEqual([
      { index: 1, itself: true },
      { index: 2, itself: true },
      { index: 1, itself: false },
      { index: 2, itself: false },
    ])
  })

  it('of images of many tokens is the image that the token is of, or none', () => {
    expect(knownOf(3, motion({ points_of: 'probe', points_fixed: 4, grid: [2, 1] }), images).image).toEqual({
      index: 2,
      itself: true,
    })
    expect(knownOf(3, motion({ grid: [2, 1] }), images).image).toBeNull()
  })
})
