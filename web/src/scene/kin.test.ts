import { describe, expect, it } from 'vitest'
import { decodeFrame } from '../lib/frame'
import { packed } from '../lib/packed'
import { kinOf, pinName, type Pin } from './kin'
import { makeScene, type Shown } from './scene'

const view = { kind: 'plane', dim: 2, levels: 2, codes: 3, grid: [1, 1], variance: null, points_of: 'window', classes: [] }
const frame = decodeFrame(
  packed(
    { step: 500, channel: 'motion', view },
    {
      points: ['f4', [4, 2], [0, 0, 1, 1, 2, 0, 3, 3]],
      assigned: ['i4', [4, 2], [0, 1, 2, 1, 0, 2, 2, 1]],
      codes: ['f4', [2, 3, 2], [0, 0, 1, 0, 2, 0, 0, 0.1, 0, 0.2, 0, 0.3]],
    },
  ),
)

const kin = (shown: Shown, pin: Pin): [number[], number[]] | null => {
  const found = kinOf(makeScene(frame, shown)!, frame, pin)
  return found && [[...found.points], [...found.marks]]
}

describe('what belongs to a pin in another view', () => {
  it('of a code: the sums that it is part of, and its points', () => {
    expect(kin('sum', { level: 0, code: 2 })).toEqual([
      [0, 1, 0, 1],
      [0, 1, 0],
    ]) // sums 0+1, 2+1, 0+2
    expect(kin('sum', { level: 1, code: 1 })).toEqual([
      [1, 1, 0, 1],
      [1, 1, 0],
    ])
    expect(kin('all', { level: 0, code: 1 })).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 1, 1, 1, 0, 0, 0],
    ])
  })
  it('of a code in the view of another level: its points alone', () => {
    expect(kin('residual', { level: 0, code: 0 })).toEqual([
      [1, 0, 1, 0],
      [0, 0, 0],
    ])
  })
  it('of a sum: its two codes', () => {
    expect(kin('level', { level: -1, code: 2 * 3 + 1 })).toEqual([
      [0, 1, 0, 1],
      [0, 0, 1],
    ])
    expect(kin('residual', { level: -1, code: 2 * 3 + 1 })).toEqual([
      [0, 1, 0, 1],
      [0, 1, 0],
    ])
  })
  it('is nothing where the pin has its own mark, or there is none', () => {
    expect([
      kin('level', { level: 0, code: 1 }),
      kin('sum', { level: -1, code: 1 }),
      kin('level', { level: 5, code: 1 }),
    ]).toEqual([null, null, null])
    expect(kinOf(makeScene(frame, 'sum')!, frame, null)).toBeNull()
  })
  it('has a name', () => {
    expect([pinName({ level: 1, code: 2 }, 3), pinName({ level: -1, code: 7 }, 3)]).toEqual(['code 2 of level 2', '2 + 1'])
  })
})
