import { readWay, wayName, type Way } from './points'

/** A direction that someone gave a name to. */
export interface Named {
  name: string
  way: string // `pc2`, `4>9`
}

const MARKS: [string, string][] = [
  ['%', '%25'],
  ['|', '%7C'],
  ['~', '%7E'],
]
const shielded = (text: string): string => MARKS.reduce((out, [sign, escape]) => out.replaceAll(sign, escape), text)
const bare = (text: string): string => [...MARKS].reverse().reduce((out, [sign, escape]) => out.replaceAll(escape, sign), text)

/** Named directions as one value of the address: `smile~4>9|lean~pc2`. */
export const writeNamed = (all: readonly Named[]): string =>
  all.map(({ name, way }) => `${shielded(name)}~${shielded(way)}`).join('|')

export function readNamed(text: string | undefined | null): Named[] {
  const found: Named[] = []
  for (const part of (text ?? '').split('|').filter(Boolean)) {
    const [name, way] = part.split('~').map(bare)
    if (name && way && readWay(way, 0)) found.push({ name, way })
  }
  return found
}

/** Both lists; of one name and one direction there is one, the first. */
export function joined(a: readonly Named[], b: readonly Named[]): Named[] {
  const out: Named[] = []
  for (const one of [...a, ...b]) if (!out.some((other) => other.way === one.way)) out.push(one)
  return out
}

const key = (run: string): string => `tilework.directions.${run}`

export function stored(run: string): Named[] {
  try {
    return readNamed(localStorage.getItem(key(run)))
  } catch {
    return [] // a window that stores nothing has those of the address
  }
}

export function store(run: string, all: readonly Named[]): void {
  try {
    localStorage.setItem(key(run), writeNamed(all))
  } catch {
    // they last as long as the address does
  }
}

/** What a direction is called where nobody named it. */
export function title(way: Way): string {
  return 'principal' in way ? `principal ${way.principal}` : `${way.start} → ${way.end}`
}

export const sameWay = (a: Way, b: Way): boolean => wayName(a) === wayName(b)
