import type { Frame } from '../lib/frame'
import type { Scene } from './scene'

/** What is pinned: a code of a level (from 0), or at level -1 the sum of a code of the first and one of the second level. */
export interface Pin {
  level: number
  code: number // for a sum: first * K + second
}

/** What belongs to a pin in a view that does not have it among its marks: the sums it is part of, or the codes it is a sum of. */
export interface Kin {
  points: Uint8Array // 1 where the point chose what is pinned
  marks: Uint8Array // 1 where the mark has a part in it
}

export function kinOf(scene: Scene, frame: Frame, pin: Pin | null): Kin | null {
  const assigned = frame.i4('assigned')
  const [levels = 0] = frame.shapes.get('codes') ?? []
  const { perLevel: codes } = scene
  if (!pin || !assigned || !codes || pin.level === scene.level || pin.level >= levels) return null
  const parts: [level: number, code: number][] =
    pin.level < 0
      ? [
          [0, Math.floor(pin.code / codes)],
          [1, pin.code % codes],
        ]
      : [[pin.level, pin.code]]
  const points = new Uint8Array(scene.points.length / 2)
  for (let p = 0; p < points.length; p++)
    points[p] = parts.every(([level, code]) => assigned[p * levels + level] === code) ? 1 : 0
  const marks = Uint8Array.from(scene.ids, (id) => {
    if (scene.level >= 0) return parts.some(([level, code]) => level === scene.level && code === id) ? 1 : 0
    return parts.every(([level, code]) => (level === 0 ? Math.floor(id / codes) : level === 1 ? id % codes : -1) === code) ? 1 : 0
  })
  return { points, marks }
}

/** A sum of two codes in words, from first * K + second. */
export const sumName = (id: number, codes: number): string => `${Math.floor(id / codes)} + ${id % codes}`

/** A pin in words: code 7 of level 1, or for a sum 7 + 12. */
export function pinName(pin: Pin, codes: number): string {
  return pin.level < 0 ? sumName(pin.code, codes) : `code ${pin.code} of level ${pin.level + 1}`
}
