import { sentences } from '../lib/format'
import type { Problem } from '../lib/protocol'

/** A problem in sentences: what happened, and all that is to be said of it. */
export const told = ({ what, why, fix }: Problem): { what: string; rest: string } => {
  const [first, ...rest] = sentences([what, why, fix].filter(Boolean).join('; '))
  return { what: first ?? '', rest: rest.join(' ') }
}
