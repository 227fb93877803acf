import { rgb } from '../scene/palette'
import type { Surface } from './surface'

/** More marks than these on screen are drawn by how many lie where: rings would bury the points, and each other. */
export const MOST_RINGS = 300
/** Pixels of a cell in which marks are counted. */
const CELL = 6
/** How dense the densest place looks: points have to stand out from it, and used codes from those that nothing uses. */
const USED_OPACITY = 0.5
const UNUSED_OPACITY = 0.34

/** How many marks lie on screen; `places` are pairs of pixels. */
export function onScreen(places: ArrayLike<number>, width: number, height: number): number {
  let seen = 0
  for (let i = 0; i < places.length; i += 2)
    if (places[i] >= 0 && places[i] < width && places[i + 1] >= 0 && places[i + 1] < height) seen += 1
  return seen
}

/** How many of the chosen marks lie in each cell, spread a little over its neighbours: `columns` x `rows`, row by row. */
export function densityOf(
  places: ArrayLike<number>,
  chosen: (mark: number) => boolean,
  columns: number,
  rows: number,
  cell = CELL,
): Float32Array {
  const counts = new Float32Array(columns * rows)
  for (let i = 0; i < places.length / 2; i++) {
    const column = Math.floor(places[2 * i] / cell)
    const row = Math.floor(places[2 * i + 1] / cell)
    if (column >= 0 && row >= 0 && column < columns && row < rows && chosen(i)) counts[row * columns + column] += 1
  }
  return spread(spread(counts, columns, rows, 1), columns, rows, columns)
}

/** A quarter of each count goes to either neighbour along one axis; at the border it stays. */
function spread(counts: Float32Array, columns: number, rows: number, stride: number): Float32Array {
  const out = counts.slice()
  for (let at = 0; at < counts.length; at++) {
    const place = stride === 1 ? at % columns : Math.floor(at / columns)
    const last = (stride === 1 ? columns : rows) - 1
    for (const [there, by] of [
      [place > 0, -stride],
      [place < last, stride],
    ] as const) {
      if (!there) continue
      out[at] -= counts[at] / 4
      out[at + by] += counts[at] / 4
    }
  }
  return out
}

const small = document.createElement('canvas')

/** A haze of one colour, the denser the more marks lie there. */
export function drawDensity(
  to: Surface,
  density: Float32Array,
  columns: number,
  rows: number,
  colour: string,
  most: number,
  cell = CELL,
): void {
  small.width = columns
  small.height = rows
  const g = small.getContext('2d')!
  const image = g.createImageData(columns, rows)
  const [red, green, blue] = rgb(colour)
  for (let at = 0; at < density.length; at++) {
    if (density[at] > 0) image.data.set([red, green, blue, Math.round(255 * most * (1 - Math.exp(-0.9 * density[at])))], 4 * at)
  }
  g.putImageData(image, 0, 0)
  to.g.imageSmoothingEnabled = true
  to.g.drawImage(small, 0, 0, columns * cell, rows * cell)
}

export interface Crowd {
  dead: Uint8Array
  used: string // colours
  unused: string
}

/** All marks at once: those that are used as a haze with a grain each, those that nothing uses as a haze of another colour. */
export function drawCrowd(to: Surface, places: Float64Array, crowd: Crowd): void {
  const { g, width, height } = to
  const [columns, rows] = [Math.ceil(width / CELL), Math.ceil(height / CELL)]
  drawDensity(
    to,
    densityOf(places, (i) => crowd.dead[i] === 1, columns, rows),
    columns,
    rows,
    crowd.unused,
    UNUSED_OPACITY,
  )
  drawDensity(
    to,
    densityOf(places, (i) => crowd.dead[i] !== 1, columns, rows),
    columns,
    rows,
    crowd.used,
    USED_OPACITY,
  )
  const grains = new Path2D()
  for (let i = 0; i < places.length / 2; i++) {
    const [x, y] = [places[2 * i], places[2 * i + 1]]
    if (crowd.dead[i] !== 1 && x > -1 && y > -1 && x < width && y < height) grains.rect(x - 0.75, y - 0.75, 1.5, 1.5)
  }
  g.globalAlpha = 0.6
  g.fillStyle = crowd.used
  g.fill(grains)
  g.globalAlpha = 1
}
