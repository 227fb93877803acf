/**
 * A point of a latent space as text, the notation of `tilework.explore.points`: `seed:3;0=1.5;pc1*-2`. It is what the address, the
 * shell and the studio's messages say, so that a view can be sent to someone or made again by a command.
 */
export interface Origin {
  kind: 'zero' | 'seed' | 'validation' | 'train' | 'image'
  number: number // of a seed, or of an image within its side
  name: string // of an image that was sent
}

/** A dimension that is drawn from N(mu, sigma²). */
export interface Band {
  mu: number
  sigma: number
}

/** A way along a principal direction (1 = first), or from the mean of one label to that of another. */
export type Way = { principal: number; amount: number } | { start: string; end: string; amount: number }

export interface Point {
  origin: Origin
  exact: ReadonlyMap<number, number>
  bands: ReadonlyMap<number, Band>
  every: Band | null
  muSeed: number | null
  noiseSeed: number | null
  along: readonly Way[]
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i
const WHOLE = /^\d{1,15}$/
const ESCAPED: [string, string][] = [
  ['%', '%25'],
  [';', '%3B'],
  ['>', '%3E'],
  ['*', '%2A'],
]
export const LARGEST = 1e6

export const zero: Origin = { kind: 'zero', number: 0, name: '' }
export const seed = (number: number): Origin => ({ kind: 'seed', number, name: '' })
export const isImage = (origin: Origin): boolean => origin.kind !== 'zero' && origin.kind !== 'seed'
export const pointAt = (origin: Origin): Point => ({
  origin,
  exact: new Map(),
  bands: new Map(),
  every: null,
  muSeed: null,
  noiseSeed: null,
  along: [],
})

/** A number as it is written in a point: at most four places behind the point. */
export const plain = (value: number): string => {
  const text = String(Number(value.toFixed(4)))
  return text === '-0' ? '0' : text
}
const escaped = (name: string): string => ESCAPED.reduce((text, [sign, escape]) => text.replaceAll(sign, escape), name)
const unescaped = (text: string): string =>
  [...ESCAPED].reverse().reduce((name, [sign, escape]) => name.replaceAll(new RegExp(escape, 'gi'), sign), text)
const band = ({ mu, sigma }: Band): string => `${plain(mu)},${plain(sigma)}`

export function originText(origin: Origin): string {
  if (origin.kind === 'zero') return 'zero'
  return origin.kind === 'image' ? `image:${escaped(origin.name)}` : `${origin.kind}:${origin.number}`
}

/** What a direction is called without its amount: `pc1`, `4>9`. Two terms of one name are one slider. */
export const wayName = (way: Way): string =>
  'principal' in way ? `pc${way.principal}` : `${escaped(way.start)}>${escaped(way.end)}`

export function pointText(point: Point): string {
  const terms = [originText(point.origin)]
  if (point.every) terms.push(`*~${band(point.every)}`)
  if (point.muSeed !== null) terms.push(`mu@${point.muSeed}`)
  if (point.noiseSeed !== null) terms.push(`eps@${point.noiseSeed}`)
  for (const [dimension, one] of point.bands) terms.push(`${dimension}~${band(one)}`)
  for (const [dimension, value] of point.exact) terms.push(`${dimension}=${plain(value)}`)
  for (const way of point.along) terms.push(`${wayName(way)}*${plain(way.amount)}`)
  return terms.join(';')
}

const whole = (text: string): number | null => (WHOLE.test(text.trim()) ? Number(text) : null)
const number = (text: string | undefined): number | null => {
  const value = text !== undefined && NUMBER.test(text.trim()) ? Number(text) : NaN
  return Number.isFinite(value) && Math.abs(value) <= LARGEST ? value : null
}

function readOrigin(text: string): Origin | null {
  if (text === 'zero') return zero
  const [, kind, rest] = /^(seed|validation|train|image):(.+)$/.exec(text) ?? []
  if (kind === 'image') return { kind, number: 0, name: unescaped(rest) }
  const value = kind ? whole(rest) : null
  return value === null ? null : { kind: kind as Origin['kind'], number: value, name: '' }
}

function readBand(text: string): Band | null {
  const parts = text.split(',')
  const [mu, sigma] = parts.map(number)
  return parts.length === 2 && mu !== null && sigma !== null && sigma >= 0 ? { mu, sigma } : null
}

/** A direction by its name, `pc3` or `4>9`. */
export function readWay(name: string, amount: number): Way | null {
  const [, principal] = /^pc([1-9]\d{0,8})$/.exec(name) ?? []
  if (principal) return { principal: Number(principal), amount }
  const [start, end, more] = name.split('>').map((label) => unescaped(label.trim()))
  return start && end && more === undefined ? { start, end, amount } : null
}

/** The point that a text stands for; null where it is none. Why it is none is for the model's process to say. */
export function readPoint(text: string): Point | null {
  const [head, ...terms] = text.split(';').map((part) => part.trim())
  const origin = readOrigin(head)
  if (!origin) return null
  const exact = new Map<number, number>()
  const bands = new Map<number, Band>()
  const along: Way[] = []
  let every: Band | null = null
  const seeds: { mu: number | null; eps: number | null } = { mu: null, eps: null }
  for (const term of terms) {
    const seeded = /^(mu|eps)@(\d+)$/.exec(term)
    const star = term.lastIndexOf('*')
    const [name, rest = ''] = term.split(/[~=]/, 2)
    const dimension = whole(name)
    if (!term.includes('>') && seeded) seeds[seeded[1] as 'mu' | 'eps'] = Number(seeded[2])
    else if (!term.includes('>') && term.includes('~')) {
      const found = readBand(rest)
      if (!found || (dimension === null && name.trim() !== '*')) return null
      if (dimension === null) every = found
      else bands.set(dimension, found)
    } else if (!term.includes('>') && term.includes('=')) {
      const value = number(rest)
      if (dimension === null || value === null) return null
      exact.set(dimension, value)
    } else {
      const amount = star > 0 ? number(term.slice(star + 1)) : null
      const way = amount === null ? null : readWay(term.slice(0, star).trim(), amount)
      if (!way) return null
      along.push(way)
    }
  }
  return { origin, exact, bands, every, muSeed: seeds.mu, noiseSeed: seeds.eps, along }
}

/** Several points as one value of the address. */
export const joinPoints = (points: readonly string[]): string => points.map((text) => text.replaceAll('|', '%7C')).join('|')
export const splitPoints = (text: string | undefined): string[] =>
  text ? text.split('|').map((one) => one.replaceAll('%7C', '|')) : []
