import type { Grid } from '../explore/codes'

/** Which cells are to be drawn anew, painted with a brush; one cursor for pointer and keys. */
export class Brush {
  on = $state(false)
  size = $state(1) // cells on a side
  cells = $state.raw<Set<number>>(new Set())
  cursor = $state(0)
  private adding = true

  constructor(readonly grid: Pick<Grid, 'width' | 'height'>) {}

  /** A stroke begins: from a cell that is in, it takes out. */
  begin(cell: number, out = false): void {
    this.adding = !out && !this.cells.has(cell)
    this.sweep(cell)
  }

  sweep(cell: number): void {
    this.cursor = cell
    const next = new Set(this.cells)
    for (const one of this.around(cell))
      if (this.adding) next.add(one)
      else next.delete(one)
    this.cells = next
  }

  /** The cells below the brush. */
  around(cell: number): number[] {
    const { width, height } = this.grid
    const [y, x] = [Math.floor(cell / width), cell % width]
    const back = Math.floor((this.size - 1) / 2)
    const found: number[] = []
    for (let dy = 0; dy < this.size; dy++)
      for (let dx = 0; dx < this.size; dx++) {
        const [row, column] = [y - back + dy, x - back + dx]
        if (row >= 0 && row < height && column >= 0 && column < width) found.push(row * width + column)
      }
    return found
  }

  move(dy: number, dx: number): void {
    const { width, height } = this.grid
    const [y, x] = [Math.floor(this.cursor / width), this.cursor % width]
    this.cursor = Math.min(height - 1, Math.max(0, y + dy)) * width + Math.min(width - 1, Math.max(0, x + dx))
  }

  all(): void {
    const every = this.grid.width * this.grid.height
    this.cells = this.cells.size === every ? new Set() : new Set(Array.from({ length: every }, (_, i) => i))
  }

  clear(): void {
    this.cells = new Set()
  }

  resize(by: number): void {
    this.size = Math.min(5, Math.min(this.grid.width, this.grid.height), Math.max(1, this.size + by))
  }

  get sorted(): number[] {
    return [...this.cells].sort((a, b) => a - b)
  }
}
