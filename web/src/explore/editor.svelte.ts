import { cellsOf, covered, cutOut, having, painted, pasted, restored, type Codes, type Piece } from './codes'
import { Selection } from './selection.svelte'
import type { TokenSession } from './session.svelte'

/** What a hand does to the tokens of a session: it selects, sweeps, paints, copies, pastes. */
export class Editor {
  level = $state(0)
  code = $state(0) // what the brush and the space bar give
  brush = $state(false)
  piece = $state.raw<Piece | null>(null)
  pasting = $state(false) // the piece follows the cursor, until it is put down
  allLevels = $state(true) // of what is pasted
  readonly selection: Selection
  private gesture = 0

  constructor(readonly session: TokenSession) {
    this.selection = new Selection(session.grid)
  }

  codeAt(cell: number, codes: Codes = this.session.codes): number {
    return codes[this.level * cellsOf(this.session.grid) + cell]
  }
  /** Of the cells that a piece would cover: the code of this level. */
  get ghost(): Map<number, number> | null {
    if (!this.pasting || !this.piece) return null
    return new Map(covered(this.session.grid, this.piece, this.selection.at).map(({ cell, codes }) => [cell, codes[this.level]]))
  }

  /** `pick`: take the code of the cell, for the brush and the space bar. */
  begin(cell: number, extend: boolean, pick = false): void {
    this.gesture++
    if (pick) {
      this.code = this.codeAt(cell, this.session.history.now)
      return this.selection.begin(cell)
    }
    if (this.pasting) return this.paste(cell)
    if (!this.brush) return this.selection.begin(cell, extend)
    this.selection.begin(cell)
    this.stroke(cell)
  }
  sweep(cell: number): void {
    if (cell === this.selection.cursor) return
    if (!this.brush) return this.selection.extend(cell)
    this.selection.begin(cell)
    this.stroke(cell)
  }

  /** Every selected cell has this code. */
  assign(code: number): void {
    this.code = code
    this.put(painted(this.session.grid, this.session.history.now, this.level, this.selection.cells, code))
  }
  /** See what it would be; null = not any more. */
  tryOut(code: number | null): void {
    const { grid, history } = this.session
    this.session.look(code === null || this.pasting ? null : painted(grid, history.now, this.level, this.selection.cells, code))
  }
  /** As they were encoded, at this level. */
  revert(): void {
    const { grid, history, source } = this.session
    if (source) this.put(restored(grid, history.now, source.codes, [this.level], this.selection.cells))
  }
  revertAll(): void {
    if (this.session.source) this.put(this.session.source.codes)
  }
  /** All cells with the code of the cursor's cell. */
  same(): void {
    const { grid, history } = this.session
    this.selection.take(having(grid, history.now, this.level, this.codeAt(this.selection.cursor, history.now)))
  }

  copy(): void {
    const { grid, history, source } = this.session
    if (source) this.piece = cutOut(grid, history.now, this.selection.cells, source.origin)
  }
  paste(at = this.selection.cursor): void {
    const { grid, history } = this.session
    if (!this.piece) return
    this.pasting = false
    const levels = this.allLevels ? Array.from({ length: grid.levels }, (_, level) => level) : [this.level]
    this.selection.begin(at)
    this.selection.take(covered(grid, this.piece, at).map(({ cell }) => cell))
    this.put(pasted(grid, history.now, this.piece, at, levels))
  }

  private stroke(cell: number): void {
    this.session.put(
      painted(this.session.grid, this.session.history.now, this.level, [cell], this.code),
      `stroke ${this.gesture}`,
    )
  }
  private put(codes: Codes): void {
    this.session.put(codes)
  }
}
