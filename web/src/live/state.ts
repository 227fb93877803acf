import type { Run } from './run.svelte'

/** The one word for how a run stands, from what its frames and the server say, and whether we still hear from either. */
export interface Standing {
  word: string
  kind: string // class of the pill
  live: boolean // commands can reach the trainer
}

const OVER = new Set(['finished', 'stopped', 'crashed', 'unreadable', 'deleted'])

/** How its process has ended, as far as was heard; also while nothing is heard any more. Null where it has not. */
export function outcome(run: Run): string | null {
  const status = run.outside?.status ?? run.card?.status ?? ''
  return OVER.has(status) ? status : null
}

export function standing(run: Run): Standing {
  const outside = run.outside?.status ?? ''
  if (outside === 'deleted') return { word: 'deleted', kind: 'deleted', live: false }
  if (run.link === 'lost' || run.link === 'locked') return { word: 'disconnected', kind: 'disconnected', live: false }
  if (!run.card) return { word: 'connecting', kind: 'connecting', live: false }
  if (run.resuming && OVER.has(outside)) return { word: 'resuming', kind: 'preparing', live: false }
  if (OVER.has(outside)) return { word: outside, kind: outside, live: false }
  const inside = run.live?.state
  if (inside && inside !== 'ended') return { word: inside, kind: inside, live: true }
  if (inside === 'ended') return { word: 'ending', kind: 'stopping', live: false }
  if (outside === 'running' && !run.card.step) return { word: 'preparing', kind: 'preparing', live: true }
  return { word: outside || 'preparing', kind: outside || 'preparing', live: outside === 'running' || outside === 'paused' }
}
