import { untrack } from 'svelte'
import { router } from '../lib/route.svelte'
import { editsOf } from './edits'
import type { Editor } from './editor.svelte'
import { fromAddress, toAddress } from './kept'
import type { TokenSession } from './session.svelte'

const QUIET_MS = 200 // without a change, until it is written

/** What is open, how it was edited and where the cursor is, in the page's address; changed from outside, it is followed. */
export class TokenAddress {
  refused = $state.raw<string[]>([]) // edits that fit none of this model's tokens
  lost = $state(false) // the address names edits that this tab does not have
  readonly edits: string[] = $derived.by(() => {
    const { source, history, grid } = this.session
    return source ? editsOf(grid, source.codes, history.now) : []
  })
  private written: string | null = null
  private writing: ReturnType<typeof setTimeout> | undefined

  /** To be made while a component begins: `origin` and what it edits are followed for as long as that stands. */
  constructor(
    private readonly session: TokenSession,
    private readonly editor: Editor,
    private readonly origin: () => string,
  ) {
    const { grid } = session
    const { query } = router.current
    const level = (text: string | undefined, otherwise: number): number =>
      Math.min(grid.levels, Math.max(1, Number(text) || otherwise))
    editor.level = level(query.level, 1) - 1
    const [row, column] = (query.cell ?? '').split(',').map(Number)
    if (row >= 0 && row < grid.height && column >= 0 && column < grid.width) editor.selection.begin(row * grid.width + column)
    session.upto = level(query.upto, grid.levels)
    $effect(() => this.follow(origin(), router.current.query.set ?? ''))
    $effect(() => this.write())
  }

  /** Another image is opened next, whatever was written for this one. */
  leave(): void {
    this.written = null
  }

  private follow(wanted: string, text: string): void {
    untrack(() => {
      const { session } = this
      if (session.source?.origin === wanted && text === (this.written ?? '')) return
      const known = fromAddress(session.model.id, wanted, text)
      this.lost = known === null
      this.written = text || null
      void session.open(wanted, known ?? '', session.source?.origin === wanted).then((bad) => (this.refused = bad))
    })
  }

  private write(): (() => void) | void {
    const { session, editor } = this
    const { source, grid, upto } = session
    const text = this.edits.join(';')
    const [level, at] = [editor.level, editor.selection.cursor]
    clearTimeout(this.writing)
    if (!source || source.origin !== this.origin()) return
    this.writing = setTimeout(() => {
      this.written = toAddress(session.model.id, source.origin, text)
      router.set({
        set: this.written,
        cell: at ? `${Math.floor(at / grid.width)},${at % grid.width}` : null,
        level: level ? String(level + 1) : null,
        upto: upto < grid.levels ? String(upto) : null,
      })
    }, QUIET_MS)
    return () => clearTimeout(this.writing)
  }
}
