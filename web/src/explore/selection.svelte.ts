import { around, between, cellsIn, type Grid } from './codes'

/** Which cells of a grid are meant: a cursor, and a set of cells that a sweep, Shift and arrows, or a search made. */
export class Selection {
  cursor = $state(0)
  cells = $state.raw<Set<number>>(new Set([0]))
  hovered = $state<number | null>(null)
  private anchor = 0

  constructor(private readonly grid: Grid) {}

  /** What a person looks at: the cell below the pointer, else the cursor. */
  get at(): number {
    return this.hovered ?? this.cursor
  }

  begin(cell: number, extend = false): void {
    if (extend) return this.extend(cell)
    this.anchor = this.cursor = cell
    this.cells = new Set([cell])
  }
  extend(cell: number): void {
    this.cursor = cell
    this.cells = new Set(cellsIn(between(this.anchor, cell, this.grid.width), this.grid.width))
  }
  take(cells: Iterable<number>): void {
    this.cells = new Set(cells)
  }
  all(): void {
    this.take(Array.from({ length: this.grid.height * this.grid.width }, (_, i) => i))
  }
  /** An arrow key, Home or End; whether it was one. */
  move(key: string, extend: boolean): boolean {
    const { width, height } = this.grid
    const [y, x] = [Math.floor(this.cursor / width), this.cursor % width]
    const to: Record<string, [number, number]> = {
      ArrowLeft: [y, x - 1],
      ArrowRight: [y, x + 1],
      ArrowUp: [y - 1, x],
      ArrowDown: [y + 1, x],
      Home: [y, 0],
      End: [y, width - 1],
    }
    if (!(key in to)) return false
    const [row, column] = to[key]
    this.begin(Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column)), extend)
    this.hovered = null
    return true
  }
  /** `row 3, column 4`, or `rows 2-5, columns 3-6`; rows and columns are counted from 0, as in the shell. */
  get words(): string {
    const region = around(this.cells, this.grid.width)
    if (!region) return 'nothing selected'
    const span = (name: string, a: number, b: number): string => (a === b ? `${name} ${a}` : `${name}s ${a}\u2013${b}`)
    const [rows, columns] = [span('row', region.top, region.bottom), span('column', region.left, region.right)]
    const full = (region.bottom - region.top + 1) * (region.right - region.left + 1) === this.cells.size
    return full ? `${rows}, ${columns}` : `${this.cells.size} cells`
  }
}
