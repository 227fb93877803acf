import { sentences } from '../lib/format'
import type { Problem } from '../lib/protocol'

/** A problem in sentences: what happened, and all that is known of it. */
export const worded = ({ what, why, fix }: Problem): { what: string; rest: string } => {
  const [first, ...rest] = sentences(what, why, fix)
  return { what: first ?? '', rest: rest.join(' ') }
}
