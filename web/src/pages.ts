import type { Component } from 'svelte'
import { ADDRESSES, type Address } from './addresses'

/** One page: its place in the address, its name in the top bar, and what is shown. */
export interface Page {
  name: string
  title: string
  of: 'studio' | 'run' // `#/NAME`, or `#/runs/ID/NAME`
  inBar: boolean
  /** Fewer runs than this: it is not named in the top bar, as nothing can be done there. */
  runs?: number
  /** What its address may have after the `?`: each name with the values that it may have, or null where any can be. */
  address: Address
  load(): Promise<{ default: Component<any> }>
  /** Another value: the page begins anew. A run's page does so for every run. */
  key?(query: Record<string, string>): string
}

/** A page of an open model is of one checkpoint on one device. */
const opened = (query: Record<string, string>): string => `${query.which ?? ''}|${query.device ?? ''}`

/** Every page, in the order of the top bar. To add one, add a line. */
export const PAGES: Page[] = [
  { name: 'runs', title: 'Runs', of: 'studio', inBar: true, address: ADDRESSES.runs, load: () => import('./pages/Runs.svelte') },
  { name: 'live', title: 'Live', of: 'run', inBar: true, address: ADDRESSES.live, load: () => import('./pages/Live.svelte') },
  {
    name: 'latent',
    title: 'Latent',
    of: 'run',
    inBar: true,
    address: ADDRESSES.latent,
    load: () => import('./pages/Latent.svelte'),
    key: opened,
  },
  {
    name: 'tokens',
    title: 'Tokens',
    of: 'run',
    inBar: true,
    address: ADDRESSES.tokens,
    load: () => import('./pages/Tokens.svelte'),
    key: opened,
  },
  {
    name: 'codes',
    title: 'Codes',
    of: 'run',
    inBar: true,
    address: ADDRESSES.codes,
    load: () => import('./pages/Codes.svelte'),
    key: opened,
  },
  {
    name: 'dream',
    title: 'Dream',
    of: 'run',
    inBar: true,
    address: ADDRESSES.dream,
    load: () => import('./pages/Dream.svelte'),
    key: opened,
  },
  {
    name: 'explain',
    title: 'Explain',
    of: 'run',
    inBar: true,
    address: ADDRESSES.explain,
    load: () => import('./pages/Explain.svelte'),
  },
  {
    name: 'explain',
    title: 'Explain',
    of: 'studio',
    inBar: false,
    address: ADDRESSES.explain,
    load: () => import('./pages/Explain.svelte'),
    key: (query) => `${query.recipe ?? ''}|${query.from ?? ''}|${query.with ?? ''}`,
  },
  {
    name: 'compare',
    title: 'Compare',
    of: 'studio',
    inBar: true,
    runs: 2,
    address: ADDRESSES.compare,
    load: () => import('./pages/Compare.svelte'),
  },
  {
    name: 'start',
    title: 'Starting',
    of: 'studio',
    inBar: false,
    address: ADDRESSES.start,
    load: () => import('./pages/Start.svelte'),
    key: (query) => query.of ?? '',
  },
  {
    name: 'bring',
    title: 'Bring images',
    of: 'studio',
    inBar: false,
    address: ADDRESSES.bring,
    load: () => import('./pages/Bring.svelte'),
  },
  {
    name: 'new',
    title: 'New run',
    of: 'studio',
    inBar: false,
    address: ADDRESSES.new,
    load: () => import('./pages/NewRun.svelte'),
    key: (query) => `${query.recipe ?? ''}|${query.from ?? ''}|${query.parent ?? ''}`,
  },
]

export const pageOf = (name: string, id: string): Page =>
  PAGES.find((page) => page.name === name && (page.of === 'run') === (id !== '')) ?? PAGES[0]
