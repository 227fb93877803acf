import { describe, expect, it } from 'vitest'
import type { ViewHeader } from '../lib/protocol'
import { idleLayers, type Looked } from './layers'

const view: ViewHeader = {
  kind: 'plane',
  dim: 2,
  levels: 2,
  codes: 16,
  grid: [1, 1],
  variance: null,
  points_of: 'window',
  classes: ['0', '1'],
}
const looked: Looked = {
  view,
  arrays: new Set(['points', 'codes']),
  shown: 'level',
  map: false,
  past: false,
  decoded: true,
  probe: true,
}
const idle = (changes: Partial<Looked>): string[] =>
  Object.entries(idleLayers({ ...looked, ...changes }))
    .filter(([, why]) => why)
    .map(([name]) => name)

describe('layers that would show nothing', () => {
  it('are none where all is here', () => expect(idle({})).toEqual([]))
  it('are all of them over the map of codes', () => expect(idle({ map: true })).toHaveLength(6))
  it('are those that belong to single codes where sums are shown', () =>
    expect(idle({ shown: 'sum' })).toEqual(['trails', 'labels', 'images']))
  it('are the images that a step of the history lacks', () =>
    expect(idle({ past: true, decoded: false, probe: false })).toEqual(['images', 'probe']))
  it('are those of codes with no place, but not the probe', () =>
    expect(idle({ arrays: new Set(['points']) })).toEqual(['cells', 'trails', 'labels', 'images', 'byCode']))
  it('are the trails of codes that are not learnt', () => expect(idle({ view: { ...view, fixed: true } })).toEqual(['trails']))
  it('follow from the number of codes', () =>
    expect(idle({ view: { ...view, codes: 1000 } })).toEqual(['trails', 'labels', 'images']))
})
