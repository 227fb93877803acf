import type { Grid } from './codes'

/** Where an image with its cells lies on a canvas, in px. */
export interface Place {
  left: number
  top: number
  width: number
  height: number
  cell: [number, number] // width, height
}

/** As large as fits, in the middle; enlarged by a whole factor where that costs less than a tenth of the size. */
export function fit(width: number, height: number, image: [number, number], grid: Grid): Place {
  const scale = Math.max(0.01, Math.min((width - 8) / image[0], (height - 8) / image[1]))
  const whole = Math.floor(scale)
  const used = whole >= 1 && whole / scale > 0.9 ? whole : scale
  const [w, h] = [image[0] * used, image[1] * used]
  return {
    left: Math.round((width - w) / 2),
    top: Math.round((height - h) / 2),
    width: w,
    height: h,
    cell: [w / grid.width, h / grid.height],
  }
}

/** The cell (y * w + x) at a pixel; null outside. */
export function cellAt(place: Place, grid: Grid, x: number, y: number, clamped = false): number | null {
  let [column, row] = [Math.floor((x - place.left) / place.cell[0]), Math.floor((y - place.top) / place.cell[1])]
  if (clamped) {
    column = Math.min(grid.width - 1, Math.max(0, column))
    row = Math.min(grid.height - 1, Math.max(0, row))
  }
  return column >= 0 && row >= 0 && column < grid.width && row < grid.height ? row * grid.width + column : null
}

/** The edges of a set of cells, as one path. */
export function outline(place: Place, grid: Grid, cells: Set<number>): Path2D {
  const path = new Path2D()
  const [w, h] = place.cell
  for (const cell of cells) {
    const [y, x] = [Math.floor(cell / grid.width), cell % grid.width]
    const [left, top] = [place.left + x * w, place.top + y * h]
    const edge = (free: boolean, x0: number, y0: number, x1: number, y1: number): void => {
      if (!free) return
      path.moveTo(x0, y0)
      path.lineTo(x1, y1)
    }
    edge(!cells.has(cell - grid.width), left, top, left + w, top)
    edge(!cells.has(cell + grid.width), left, top + h, left + w, top + h)
    edge(x === 0 || !cells.has(cell - 1), left, top, left, top + h)
    edge(x === grid.width - 1 || !cells.has(cell + 1), left + w, top, left + w, top + h)
  }
  return path
}
