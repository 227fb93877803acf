import { expect, it } from 'vitest'
import { judged, qualities, shared, type Followed } from './strip'

const images = (...values: number[]): Uint8Array[] => values.map((value) => new Uint8Array(4).fill(value))
const of = (id: string, originals: Uint8Array[], recon: Uint8Array[]): Followed => ({
  id,
  step: 5,
  shape: [2, 2, 1],
  originals,
  recon,
})

it('only images that every run follows are compared, wherever they stand in each', () => {
  const a = of('a', images(1, 2, 3, 4), images(1, 2, 3, 4))
  const b = of('b', images(4, 9, 2), images(4, 9, 3))
  expect(shared([a, b])).toEqual([
    [1, 2],
    [3, 0],
  ])
  expect(shared([a, { ...b, shape: [4, 1, 1] }])).toEqual([])
  expect(shared([])).toEqual([])
  expect(qualities([a, b], [1, 2]).map((db) => Math.round(db))).toEqual([Infinity, 48])
})

it('better and worse are said where the difference could be seen', () => {
  expect(judged([20, 22])).toEqual(['worse', 'better'])
  expect(judged([20, 20.05])).toEqual(['', ''])
  expect(judged([Infinity, Infinity])).toEqual(['', ''])
  expect(judged([20, 22, 24, 23.95])).toEqual(['worse', '', 'better', 'better'])
  expect(judged([20, Infinity])).toEqual(['worse', 'better'])
})
