import { psnr } from '../draw/error'
import type { Frame } from '../lib/frame'

/** The followed validation images of one run: as they are, and as it gave them back at its newest stored step. */
export interface Followed {
  id: string
  step: number
  shape: [number, number, number] // H, W, C of one image
  originals: Uint8Array[]
  recon: Uint8Array[]
}

/** Those of a run's first stored frame, which has the originals, and its newest. Null where it has stored none. */
export function followed(id: string, first: Frame, last: Frame): Followed | null {
  const shape = first.shapes.get('originals')
  const same = last.shapes.get('recon')
  if (!shape || !same || shape.slice(1).join() !== same.slice(1).join()) return null
  const size = shape[1] * shape[2] * shape[3]
  const each = (pixels: Uint8Array): Uint8Array[] =>
    Array.from({ length: Math.min(shape[0], same[0]) }, (_, i) => pixels.subarray(i * size, (i + 1) * size))
  return {
    id,
    step: last.header.step,
    shape: [shape[1], shape[2], shape[3]],
    originals: each(first.u1('originals')!),
    recon: each(last.u1('recon')!),
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((value, i) => value === b[i])

/** The images that every run follows, each with its place in each run: runs of other data or another split share few or none. */
export function shared(runs: Followed[]): number[][] {
  const [lead, ...rest] = runs
  if (!lead || rest.some((one) => one.shape.join() !== lead.shape.join())) return []
  return lead.originals
    .map((original, i) => [i, ...rest.map((one) => one.originals.findIndex((other) => equal(original, other)))])
    .filter((places) => places.every((place) => place >= 0))
}

export const CLEARLY = 0.1 // dB: less is no difference that could be seen

/** PSNR of one shared image in each run. */
export const qualities = (runs: Followed[], places: number[]): number[] =>
  runs.map((one, i) => psnr(one.originals[places[i]], one.recon[places[i]], one.originals[places[i]].length))

/** Which run gives an image back best, and which worst; none of them where all are alike. */
export function judged(db: number[]): ('better' | 'worse' | '')[] {
  const [most, least] = [Math.max(...db), Math.min(...db)]
  if (!(most - least >= CLEARLY)) return db.map(() => '')
  // An exact image has infinitely many: the difference of two of them is no number.
  return db.map((one) => (one === most || most - one < CLEARLY ? 'better' : one - least < CLEARLY ? 'worse' : ''))
}
