import { describe, expect, it } from 'vitest'
import { kindOf, kindOfSpec, linesFor } from './takeaway'

const card = { id: 'a-run', folder: "/home/me/my runs/it's" }

describe('what a run is used for', () => {
  it('depends on what it is a model of', () => {
    expect([kindOf({}, 2), kindOf({}, 0), kindOf({ parent: 'x' }, 1)]).toEqual(['codes', 'numbers', 'prior'])
    expect([
      kindOfSpec({ bottleneck: { kind: 'gaussian' } }),
      kindOfSpec({ bottleneck: { kind: 'vq' } }),
      kindOfSpec({ parent: 'x' }),
    ]).toEqual(['numbers', 'codes', 'prior'])
  })
  it('takes any folder, in Python and in a shell', () => {
    const [python, again] = linesFor(card, 'codes')
    expect(python.text).toContain(`tilework.load("/home/me/my runs/it's")`)
    expect(python.text).toContain('model.codes(images)')
    expect(again.text).toBe(`tilework train '/home/me/my runs/it'\\''s/spec.yaml'`)
  })
  it('without codes gives what the decoder sees, and of a prior what it dreams', () => {
    expect(linesFor(card, 'numbers')[0].text).toContain('model.encode(images)')
    expect(linesFor(card, 'prior').map((line) => line.title)).toEqual(['Dream', 'Train it again'])
  })
})
