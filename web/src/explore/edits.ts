import { cellsOf, copyOf, type Codes, type Grid } from './codes'
import { quoted } from '../lib/shell'

/**
 * Edits as the shell's `--set` writes them, `LEVEL,Y,X=CODE` (`Y,X=CODE` where there is one level); rows and columns are a number,
 * a range `2-5`, or `*`. In the address they stand one after the other with `;` between them.
 */
export function editsOf(grid: Grid, from: Codes, to: Codes): string[] {
  const found: string[] = []
  const size = cellsOf(grid)
  for (let level = 0; level < grid.levels; level++) {
    const done = new Uint8Array(size)
    for (let cell = 0; cell < size; cell++) {
      const code = to[level * size + cell]
      if (done[cell] || code === from[level * size + cell]) continue
      found.push(`${grid.levels > 1 ? `${level + 1},` : ''}${rectangle(grid, to, level, cell, code, done)}=${code}`)
    }
  }
  return found
}

/** The largest run to the right, then downwards, of cells that have the code anyway; it is marked as done. */
function rectangle(grid: Grid, to: Codes, level: number, cell: number, code: number, done: Uint8Array): string {
  const { height, width } = grid
  const has = (y: number, x: number): boolean => to[level * height * width + y * width + x] === code
  const top = Math.floor(cell / width)
  let left = cell % width
  let right = left
  while (right + 1 < width && has(top, right + 1)) right++
  while (left > 0 && has(top, left - 1)) left--
  let bottom = top
  const row = (y: number): boolean => {
    for (let x = left; x <= right; x++) if (!has(y, x)) return false
    return true
  }
  while (bottom + 1 < height && row(bottom + 1)) bottom++
  let first = top
  while (first > 0 && row(first - 1)) first--
  for (let y = first; y <= bottom; y++) done.fill(1, y * width + left, y * width + right + 1)
  return `${span(first, bottom, height)},${span(left, right, width)}`
}

const span = (first: number, last: number, size: number): string =>
  first === 0 && last === size - 1 && size > 1 ? '*' : first === last ? `${first}` : `${first}-${last}`

/** Codes after the edits of a text, and those parts of it that fit no cell, level or code of this model. */
export function edited(grid: Grid, from: Codes, text: string): { codes: Codes; refused: string[] } {
  const codes = copyOf(from)
  const refused: string[] = []
  for (const part of text
    .split(';')
    .map((one) => one.trim())
    .filter(Boolean)) {
    const [place, code] = part.split('=')
    const spans = place.split(',').map((one) => one.trim())
    if (spans.length === 2 && grid.levels === 1) spans.unshift('1')
    const [levels, rows, columns] = [
      range(spans[0], 1, grid.levels),
      range(spans[1], 0, grid.height - 1),
      range(spans[2], 0, grid.width - 1),
    ]
    if (spans.length !== 3 || !levels || !rows || !columns || !/^\d{1,9}$/.test(code ?? '') || Number(code) >= grid.codes) {
      refused.push(part)
      continue
    }
    for (let level = levels[0] - 1; level < levels[1]; level++)
      for (let y = rows[0]; y <= rows[1]; y++)
        for (let x = columns[0]; x <= columns[1]; x++) codes[(level * grid.height + y) * grid.width + x] = Number(code)
  }
  return { codes, refused }
}

function range(text: string | undefined, least: number, most: number): [number, number] | null {
  if (text === '*') return [least, most]
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text ?? '')
  if (!match) return null
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])]
  return first >= least && last <= most && first <= last ? [first, last] : null
}

/** The shell's line for the same image; an image of one's own stands in it by its name, for its file. */
export function command(run: string, origin: string, edits: string[], which: string): string {
  const image = origin.replace(/^image:/, '')
  return [
    'tilework',
    'tokens',
    run,
    image,
    ...edits.flatMap((edit) => ['--set', edit]),
    ...(which === 'best' ? [] : ['--which', which.replace(/^step-0*(?=\d)/, '')]),
    '--out',
    'tokens.png',
  ]
    .map(quoted)
    .join(' ')
}
