/** Tokens of an image: Q levels of h x w codes, flat in this order. Levels are counted from 0 here and from 1 in words. */
export interface Grid {
  levels: number
  height: number
  width: number
  codes: number // K
}
export type Codes = Int32Array

/** A rectangle of cells, its ends included. */
export interface Region {
  top: number
  left: number
  bottom: number
  right: number
}

export const cellsOf = (grid: Grid): number => grid.height * grid.width
export const copyOf = (codes: Codes): Codes => new Int32Array(codes)

export const between = (a: number, b: number, width: number): Region => {
  const [ay, ax, by, bx] = [Math.floor(a / width), a % width, Math.floor(b / width), b % width]
  return { top: Math.min(ay, by), left: Math.min(ax, bx), bottom: Math.max(ay, by), right: Math.max(ax, bx) }
}

/** Cells (y * w + x) of a region, row by row. */
export function cellsIn(region: Region, width: number): number[] {
  const found: number[] = []
  for (let y = region.top; y <= region.bottom; y++) for (let x = region.left; x <= region.right; x++) found.push(y * width + x)
  return found
}

/** The smallest region around some cells. */
export function around(cells: Iterable<number>, width: number): Region | null {
  let found: Region | null = null
  for (const cell of cells) {
    const [y, x] = [Math.floor(cell / width), cell % width]
    found = found
      ? {
          top: Math.min(found.top, y),
          left: Math.min(found.left, x),
          bottom: Math.max(found.bottom, y),
          right: Math.max(found.right, x),
        }
      : { top: y, left: x, bottom: y, right: x }
  }
  return found
}

/** New codes in which some cells of a level have this one. */
export function painted(grid: Grid, codes: Codes, level: number, cells: Iterable<number>, code: number): Codes {
  const made = copyOf(codes)
  for (const cell of cells) made[level * cellsOf(grid) + cell] = code
  return made
}

/** New codes in which some cells of some levels are as in `from`. */
export function restored(grid: Grid, codes: Codes, from: Codes, levels: number[], cells: Iterable<number>): Codes {
  const made = copyOf(codes)
  const all = [...cells]
  for (const level of levels) for (const cell of all) made[level * cellsOf(grid) + cell] = from[level * cellsOf(grid) + cell]
  return made
}

/** What was copied: the codes of all levels in some cells, with their place inside their region. */
export interface Piece {
  of: string // the image, an origin
  region: Region
  cells: { y: number; x: number; codes: number[] }[] // a code for each level
}

export function cutOut(grid: Grid, codes: Codes, cells: Iterable<number>, of: string): Piece | null {
  const all = [...cells]
  const region = around(all, grid.width)
  if (!region) return null
  const at = (cell: number): number[] => Array.from({ length: grid.levels }, (_, level) => codes[level * cellsOf(grid) + cell])
  return {
    of,
    region,
    cells: all.map((cell) => ({
      y: Math.floor(cell / grid.width) - region.top,
      x: (cell % grid.width) - region.left,
      codes: at(cell),
    })),
  }
}

/** The cells of the grid that a piece covers with its upper left corner at a cell; what lies outside is left out. */
export function covered(grid: Grid, piece: Piece, at: number): { cell: number; codes: number[] }[] {
  const [top, left] = [Math.floor(at / grid.width), at % grid.width]
  return piece.cells
    .map(({ y, x, codes }) => ({ y: top + y, x: left + x, codes }))
    .filter(({ y, x }) => y < grid.height && x < grid.width)
    .map(({ y, x, codes }) => ({ cell: y * grid.width + x, codes }))
}

export function pasted(grid: Grid, codes: Codes, piece: Piece, at: number, levels: number[]): Codes {
  const made = copyOf(codes)
  for (const one of covered(grid, piece, at))
    for (const level of levels) made[level * cellsOf(grid) + one.cell] = one.codes[level]
  return made
}

/** Cells of a level that have this code. */
export function having(grid: Grid, codes: Codes, level: number, code: number): number[] {
  const [from, found] = [level * cellsOf(grid), [] as number[]]
  for (let cell = 0; cell < cellsOf(grid); cell++) if (codes[from + cell] === code) found.push(cell)
  return found
}

/** How many tokens, of all levels, are others. */
export function differing(a: Codes, b: Codes): number {
  let found = 0
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) found++
  return found
}
