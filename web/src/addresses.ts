import type { Route } from './lib/route.svelte'

export type Address = Record<string, readonly string[] | null>

const FLAG = ['0', '1'] as const
const MODEL: Address = { which: null, device: null }

/** What the address of each page may have after the `?`: each name with the values that it may have, or null where any can be. */
export const ADDRESSES: Record<string, Address> = {
  runs: { search: null },
  live: {
    at: null, view: null, residual: null, code: null, hide: null, cam: null, curves: null, lines: null, log: FLAG, smooth: null, after: null, longer: null, doctor: null, image: null,
    cells: FLAG, trails: FLAG, labels: FLAG, images: FLAG, probe: FLAG, bycode: FLAG, map: FLAG, sorted: FLAG,
  },
  latent: {
    ...MODEL, at: null, mode: ['band', 'prior', 'exact'], view: ['image', 'rows', 'plane', 'map'], side: ['dims', 'directions'], through: ['quantiser', 'decoder'], frame: null,
    frames: null, how: ['linear', 'spherical'], ease: FLAG, loop: FLAG, keys: null, dirs: null, plane: null, dots: FLAG, map: null, cam: null, hide: null,
  },
  tokens: {
    ...MODEL, at: null, set: null, cell: null, level: null, upto: null, over: ['numbers', 'colours', 'tiles', 'none'], sort: ['similar', 'usage', 'index'], second: null, cover: null,
    show: ['original', 'reconstruction', 'edited', 'difference'], reach: ['changes', 'sees'],
  },
  codes: { ...MODEL, at: null, code: null, level: null, sort: ['usage', 'index', 'similar'], show: ['all', 'used', 'unused'], size: null, around: FLAG, from: null, like: null },
  dream: {
    ...MODEL, of: null, n: null, frames: null, label: null, to: null, temperature: null, top_k: null, top_p: null, guidance: null, steps: null, order: null, seed: null, then: null, pick: null, at: null,
  },
  compare: {
    a: null, b: null, more: null, device: null, tab: ['curves', 'images', 'samples', 'maps'], at: null, by: ['image', 'point', 'tokens'], mode: ['band', 'prior', 'exact'], set: null,
    look: ['side', 'swipe', 'blink', 'difference'], left: null, right: null, from: null, cut: null, factor: null, signed: FLAG, seed: null, count: ['16', '36', '64'], lit: null, map: null,
    hide: null, cama: null, camb: null, camc: null, camd: null, metric: null, log: null, smooth: null, image: null,
  },
  explain: { recipe: null, from: null, suggested: null, with: null, stage: null },
  bring: { at: null, of: null },
  new: { recipe: null, from: null, suggested: null, parent: null, with: null },
  start: { of: null, recipe: null, from: null, suggested: null, with: null },
} // prettier-ignore

/** What of an address its page does not follow, in words. */
export function unknownOf(page: { name: string; title: string; address: Address }, route: Route): string[] {
  if (route.page !== page.name) return [`there is no page “${route.page.slice(0, 40)}”`]
  return Object.entries(route.query).flatMap(([name, value]) => {
    if (!Object.hasOwn(page.address, name)) return [`“${name.slice(0, 40)}” is nothing that ${page.title} knows`]
    const known = page.address[name]
    return known && !known.includes(value) ? [`${name} is none of ${known.join(', ')}: “${value.slice(0, 40)}”`] : []
  })
}
