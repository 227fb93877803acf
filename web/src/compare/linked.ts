import type { ModelResponse, Shaped } from '../lib/frame'
import { equal } from './difference'

/** The rows of a map by the image that each is: `validation:12`. */
export function rowsOf(map: ModelResponse<'map'>): Map<string, number> {
  const rows = new Map<string, number>()
  for (let i = 0; i < map.numbers.data.length; i++) rows.set(originOf(map, i), i)
  return rows
}

export const originOf = (map: ModelResponse<'map'>, row: number): string =>
  `${map.sides.data[row] ? 'train' : 'validation'}:${map.numbers.data[row]}`

/** What shows whether a number means the same image to two models: the labels of all, and the pixels of some. */
export interface Known {
  map: ModelResponse<'map'>
  pixels: Shaped<Uint8Array>
  image: readonly number[] // [height, width, channels]
}

export function sameImages(a: Known, b: Known): boolean {
  if (a.map.facts.total !== b.map.facts.total) return false
  if (a.image.join() === b.image.join() && !equal(a.pixels, b.pixels)) return false
  const rows = rowsOf(b.map)
  return a.map.labels.data.every((label, i) => {
    const row = rows.get(originOf(a.map, i))
    return row === undefined || b.map.labels.data[row] === label
  })
}
