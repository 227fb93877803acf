import { isImage, pointAt, seed, wayName, zero, type Band, type Origin, type Point, type Way } from './points'

/** How the dimensions are set: each drawn from N(mu, sigma²), all from N(0, I), or each exactly. */
export type Mode = 'band' | 'prior' | 'exact'

/** The mode in which a point is best looked at, where the address does not say. */
export function modeOf(point: Point): Mode {
  if (point.bands.size || point.every || point.muSeed !== null) return 'band'
  return point.origin.kind === 'seed' && !point.exact.size && !point.along.length ? 'prior' : 'exact'
}

const without = <V>(map: ReadonlyMap<number, V>, key: number): Map<number, V> => {
  const copy = new Map(map)
  copy.delete(key)
  return copy
}

export const setExact = (point: Point, dimension: number, value: number): Point => ({
  ...point,
  bands: without(point.bands, dimension),
  exact: without(point.exact, dimension).set(dimension, value),
})

export const setBand = (point: Point, dimension: number, band: Band): Point => ({
  ...point,
  exact: without(point.exact, dimension),
  bands: without(point.bands, dimension).set(dimension, band),
})

/** A dimension as it was before it was touched. */
export const release = (point: Point, dimension: number): Point => ({
  ...point,
  exact: without(point.exact, dimension),
  bands: without(point.bands, dimension),
})

/** An amount along a direction; 0 takes it out. */
export function setAlong(point: Point, way: Way): Point {
  const others = point.along.filter((one) => wayName(one) !== wayName(way))
  const place = point.along.findIndex((one) => wayName(one) === wayName(way))
  if (way.amount === 0) return { ...point, along: others }
  if (place < 0) return { ...point, along: [...point.along, way] }
  return { ...point, along: point.along.map((one, i) => (i === place ? way : one)) }
}

export const amountOf = (point: Point, name: string): number => point.along.find((way) => wayName(way) === name)?.amount ?? 0

/** Mu and sigma of a dimension that no term names: what the origin and the terms for all dimensions say. */
export function bandBelow(point: Point, mu: number): Band {
  if (point.muSeed !== null) return { mu, sigma: point.every?.sigma ?? 1 }
  if (point.every) return point.every
  return point.origin.kind === 'seed' ? { mu: 0, sigma: 1 } : { mu, sigma: 0 }
}

export function bandOf(point: Point, dimension: number, below: number): Band {
  const exact = point.exact.get(dimension)
  return point.bands.get(dimension) ?? (exact !== undefined ? { mu: exact, sigma: 0 } : bandBelow(point, below))
}

/** The seed of the noise, and the same point with another one. */
export const noiseSeed = (point: Point): number => point.noiseSeed ?? (point.origin.kind === 'seed' ? point.origin.number : 0)
export const withSeed = (point: Point, number: number): Point =>
  point.origin.kind === 'seed' ? { ...point, origin: seed(number), noiseSeed: null } : { ...point, noiseSeed: number }

/** Whether another seed gives another image. */
export function isDrawn(point: Point): boolean {
  if (point.origin.kind === 'seed') return true
  if (point.every || point.muSeed !== null)
    return point.muSeed !== null || (point.every?.sigma ?? 0) > 0 || [...point.bands.values()].some((band) => band.sigma > 0)
  return [...point.bands.values()].some((band) => band.sigma > 0)
}

/** The same point as the mode says it: from a prior sample nothing is kept but its seed. */
export function inMode(point: Point, mode: Mode): Point {
  const number = noiseSeed(point)
  if (mode === 'prior') return pointAt(seed(number))
  if (mode === 'band' && modeOf(point) === 'prior') return { ...point, every: { mu: 0, sigma: 1 } }
  return point
}

export const reset = (point: Point, mode: Mode): Point =>
  mode === 'exact' ? pointAt(zero) : { ...pointAt(seed(noiseSeed(point))), every: mode === 'band' ? { mu: 0, sigma: 1 } : null }

/** Every mu drawn anew by a seed; sigma stays 1, as a reader of N(mu, 1) expects. */
export const randomised = (point: Point, number: number): Point => ({
  ...pointAt(seed(noiseSeed(point))),
  every: { mu: 0, sigma: point.every?.sigma ?? 1 },
  muSeed: number,
})

/** An image's own posterior: its mean and sigma in every dimension. */
export function posterior(origin: Origin, mean: Float32Array, sigma: Float32Array, number: number): Point {
  const bands = new Map<number, Band>()
  for (let d = 0; d < mean.length; d++) bands.set(d, { mu: mean[d], sigma: sigma[d] })
  return { ...pointAt(origin), bands, noiseSeed: number }
}

/** What was changed of the point where it began. */
export const touched = (point: Point): boolean =>
  point.exact.size + point.bands.size + point.along.length > 0 ||
  (isImage(point.origin) && (point.every !== null || point.muSeed !== null))
