import { errorMap } from '../draw/error'
import type { Shaped } from '../lib/frame'

export const FACTORS = [1, 2, 4, 8, 16] as const

/** What a signed difference is drawn in: blue where an image is darker, red where it is brighter, dark where it is the same. */
const DARKER = [72, 156, 255]
const BRIGHTER = [255, 92, 64]
const SAME = [14, 16, 20]

/** Colours of a signed value from -1 to 1. */
export function signedColour(value: number): [number, number, number] {
  const t = Math.min(1, Math.abs(value))
  const end = value < 0 ? DARKER : BRIGHTER
  return [0, 1, 2].map((c) => Math.round(SAME[c] + (end[c] - SAME[c]) * t)) as [number, number, number]
}

export const alike = (a: Shaped<Uint8Array>, b: Shaped<Uint8Array>): boolean => a.shape.join() === b.shape.join()
export const equal = (a: Shaped<Uint8Array>, b: Shaped<Uint8Array>): boolean =>
  alike(a, b) && a.data.every((value, i) => value === b.data[i])

/**
 * The difference of two images of one size, times a factor, on a fixed scale: signed the mean over the colours, from -1 to 1;
 * absolute the largest of the colours, from 0 to 1. What lies beyond is drawn as the end of the scale.
 */
export function difference(
  image: Shaped<Uint8Array>,
  from: Shaped<Uint8Array>,
  factor: number,
  signed: boolean,
): Shaped<Uint8Array> | null {
  if (!alike(image, from)) return null
  const [h, w, c] = image.shape.slice(-3)
  if (!signed) return { shape: [h, w, 3], data: errorMap(image.data, from.data, c, h * w, factor) }
  const data = new Uint8Array(3 * h * w)
  for (let p = 0; p < h * w; p++) {
    let sum = 0
    for (let k = 0; k < c; k++) sum += image.data[p * c + k] - from.data[p * c + k]
    data.set(signedColour((factor * sum) / (255 * c)), 3 * p)
  }
  return { shape: [h, w, 3], data }
}

/** The largest difference of a pixel, on [0, 1]: what the scale has to hold. */
export function largest(image: Shaped<Uint8Array>, from: Shaped<Uint8Array>): number {
  let most = 0
  for (let i = 0; i < image.data.length; i++) most = Math.max(most, Math.abs(image.data[i] - from.data[i]))
  return most / 255
}

/** How many codes a level of tokens uses as if all were used equally often: the exponential of the entropy, in turn. */
export function perplexities(codes: Int32Array, levels: number): number[] {
  const each = codes.length / levels
  return Array.from({ length: levels }, (_, level) => {
    const counts = new Map<number, number>()
    for (const code of codes.subarray(level * each, (level + 1) * each)) counts.set(code, (counts.get(code) ?? 0) + 1)
    return Math.exp([...counts.values()].reduce((sum, n) => sum - (n / each) * Math.log(n / each), 0))
  })
}
