import { describe, expect, it } from 'vitest'
import { towards, wayOf } from './towards'

const size: [number, number] = [100, 100]
//  0 . 1
//  . 2 .
//  3 . 4
const places = [10, 10, 90, 10, 50, 50, 10, 90, 90, 90]

describe('from one mark to the next', () => {
  it('starts in the middle and goes where the arrow points', () => {
    expect(towards(places, null, 'left', size)).toBe(2)
    expect(towards(places, 2, 'left', size)).not.toBeNull()
    expect(towards(places, 0, 'right', size)).toBe(1)
    expect(towards(places, 0, 'down', size)).toBe(3)
    expect(towards(places, 4, 'up', size)).toBe(1)
    expect(towards(places, 0, 'left', size)).toBeNull()
  })
  it('reaches every mark by its number, also those on one spot', () => {
    const same = [5, 5, 5, 5, 5, 5]
    const seen = [0]
    for (let i = 0; i < 2; i++) seen.push(towards(same, seen.at(-1)!, 'next', size)!)
    expect(seen).toEqual([0, 1, 2])
    expect(towards(same, 2, 'next', size)).toBe(0)
    expect(towards(same, 0, 'previous', size)).toBe(2)
    expect([towards(places, 2, 'first', size), towards(places, 2, 'last', size)]).toEqual([0, 4])
  })
  it('has nowhere to go without marks', () => expect(towards([], null, 'next', size)).toBeNull())
  it('leaves other keys alone', () => expect([wayOf('ArrowUp'), wayOf('x')]).toEqual(['up', null]))
})
