import type { Shaped } from '../lib/frame'
import { figure } from '../lib/format'
import { router } from '../lib/route.svelte'
import type { Codes } from './codes'
import type { OpenModel } from './model.svelte'
import type { Source, TokenSession } from './session.svelte'

export type ReachKind = 'changes' | 'sees'

/** How far a cell reaches: into the image that is painted, or into the one that was encoded. */
export class Reach {
  found = $state.raw<{ strength: Shaped<Float32Array>; box: readonly number[] } | null>(null)

  constructor(private readonly model: OpenModel) {}

  /** In the address. */
  get kind(): ReachKind | null {
    const wanted = router.current.query.reach
    return wanted === 'changes' || wanted === 'sees' ? wanted : null
  }
  set kind(kind: ReachKind | null) {
    router.set({ reach: kind })
  }

  toggle(kind: ReachKind): void {
    this.kind = this.kind === kind ? null : kind
  }

  ask(kind: ReachKind | null, source: Source, codes: Codes, y: number, x: number): void {
    if (kind === null) {
      this.found = null
      return
    }
    const take = (answer: { field: Shaped<Float32Array>; facts: { box: readonly number[] } }): void => {
      if (this.kind === kind) this.found = { strength: answer.field, box: answer.facts.box }
    }
    if (kind === 'changes') void this.model.show('reach', 'field', { codes: [...codes], y, x }, take)
    else if (source.original) void this.model.show('reach', 'receptive', { of: source.origin, y, x }, take)
    else this.found = null
  }

  words(session: TokenSession): string {
    if (this.kind === 'sees' && !session.source?.original) return 'no image was encoded here: nothing is seen'
    if (!this.kind || !this.found) return ''
    const [height, width] = this.found.strength.shape
    const [top, left, bottom, right] = this.found.box.length === 4 ? this.found.box : [0, 0, height, width]
    const most = this.found.strength.data.reduce((a, b) => Math.max(a, b), 0)
    const size = `${right - left} × ${bottom - top} pixels`
    return this.kind === 'sees'
      ? `sees ${size}`
      : most > 0
        ? `changes ${size}, a pixel by up to ${figure(most, 2)}`
        : 'changes nothing'
  }
}
