import type { Shaped } from '../lib/frame'
import type { Colours } from '../lib/theme.svelte'
import { codeColour } from '../scene/palette'
import { outline, type Place } from './cells'
import { cellsOf, type Codes, type Grid } from './codes'
import { imageData } from '../lib/pixels'
import type { CodeTiles } from './tiles.svelte'

export const OVERLAYS = ['numbers', 'colours', 'tiles', 'none'] as const
export type Overlay = (typeof OVERLAYS)[number]

/** Font below which a number cannot be read, in px. */
const LEAST_FONT = 7

export interface Scene {
  grid: Grid
  codes: Codes
  base: Codes // as they were encoded: changed cells have a mark
  level: number
  overlay: Overlay
  cover: number // how much of the image colours and tiles cover, 0 to 1
  tiles: CodeTiles | null
  tileCell: [number, number]
  selected: Set<number>
  cursor: number | null
  lit: number | null // a code: its cells are framed
  ghost: Map<number, number> | null // what would be pasted: code by cell
  field: { strength: Shaped<Float32Array>; box: readonly number[] } | null
  marked?: Set<number> // below a brush: these cells are framed
  veiled?: boolean // what is selected is covered: it is to be drawn anew
}

/** Pixels as a canvas of their own, to be drawn enlarged. */
export function bitmap(image: Shaped<Uint8Array>): HTMLCanvasElement {
  const pixels = imageData(image)
  const canvas = document.createElement('canvas')
  canvas.width = pixels.width
  canvas.height = pixels.height
  canvas.getContext('2d')!.putImageData(pixels, 0, 0)
  return canvas
}

/** Whether numbers of so many digits can be read in a cell. */
export const readable = (place: Place, grid: Grid): boolean => fontOf(place, grid) >= LEAST_FONT
const fontOf = (place: Place, grid: Grid): number =>
  Math.min(18, place.cell[1] * 0.46, (place.cell[0] * 1.3) / String(grid.codes - 1).length)

export function drawTokens(
  g: CanvasRenderingContext2D,
  place: Place,
  image: HTMLCanvasElement | null,
  scene: Scene,
  theme: Colours,
): void {
  const { grid, codes, level, overlay } = scene
  const from = level * cellsOf(grid)
  const [w, h] = place.cell
  const at = (cell: number): [number, number] => [
    place.left + (cell % grid.width) * w,
    place.top + Math.floor(cell / grid.width) * h,
  ]
  g.imageSmoothingEnabled = false // pixels are pixels
  if (image) g.drawImage(image, place.left, place.top, place.width, place.height)

  if (overlay === 'colours' || overlay === 'tiles') {
    g.globalAlpha = scene.cover
    for (let cell = 0; cell < cellsOf(grid); cell++) {
      const [x, y] = at(cell)
      if (overlay === 'tiles' && scene.tiles?.draw(g, codes[from + cell], x, y, w, h, scene.tileCell)) continue
      g.fillStyle = codeColour(codes[from + cell])
      g.fillRect(x, y, w + 0.5, h + 0.5)
    }
    g.globalAlpha = 1
  }
  if (scene.field) spotlight(g, place, scene.field.strength, scene.field.box, theme)
  if (overlay !== 'none' && Math.min(w, h) > 5) lines(g, place, grid)
  if (overlay === 'numbers' && readable(place, grid)) numbers(g, place, scene, at, from)

  if (scene.lit !== null) {
    const same = new Set<number>()
    for (let cell = 0; cell < cellsOf(grid); cell++) if (codes[from + cell] === scene.lit) same.add(cell)
    both(g, outline(place, grid, same), theme.bg, theme.text, 1.5)
  }
  if (scene.ghost) {
    g.globalAlpha = 0.85
    for (const [cell, code] of scene.ghost) {
      const [x, y] = at(cell)
      if (!scene.tiles?.draw(g, code, x, y, w, h, scene.tileCell)) {
        g.fillStyle = codeColour(code)
        g.fillRect(x, y, w, h)
      }
    }
    g.globalAlpha = 1
    both(g, outline(place, grid, new Set(scene.ghost.keys())), theme.bg, theme.ok, 2)
  }
  if (scene.veiled) {
    g.fillStyle = theme.accent
    g.globalAlpha = 0.45
    for (const cell of scene.selected) {
      const [x, y] = at(cell)
      g.fillRect(x, y, w + 0.5, h + 0.5)
    }
    g.globalAlpha = 1
  }
  if (scene.marked) both(g, outline(place, grid, scene.marked), theme.bg, theme.text, 1.5)
  if (scene.selected.size) both(g, outline(place, grid, scene.selected), theme.bg, theme.accent, 2.5)
  if (scene.cursor !== null && scene.selected.size > 1) {
    const [x, y] = at(scene.cursor)
    const path = new Path2D()
    path.rect(x + 2.5, y + 2.5, w - 5, h - 5)
    both(g, path, theme.bg, theme.text, 1.5)
  }
  marks(g, scene, at, from, w, h, theme)
}

/** A corner in each cell that is not as it was encoded. */
function marks(
  g: CanvasRenderingContext2D,
  { grid, codes, base }: Scene,
  at: (cell: number) => [number, number],
  from: number,
  w: number,
  h: number,
  theme: Colours,
): void {
  const side = Math.min(9, w / 3, h / 3)
  g.fillStyle = theme.accent
  g.strokeStyle = theme.bg
  g.lineWidth = 1
  for (let cell = 0; cell < cellsOf(grid); cell++) {
    if (codes[from + cell] === base[from + cell]) continue
    const [x, y] = at(cell)
    g.beginPath()
    g.moveTo(x + w, y)
    g.lineTo(x + w - side, y)
    g.lineTo(x + w, y + side)
    g.closePath()
    g.fill()
    g.stroke()
  }
}

function numbers(
  g: CanvasRenderingContext2D,
  place: Place,
  { grid, codes }: Scene,
  at: (cell: number) => [number, number],
  from: number,
): void {
  const [w, h] = place.cell
  const size = fontOf(place, grid)
  g.font = `${size < 10 ? 500 : 600} ${size}px system-ui, sans-serif`
  g.textAlign = 'center'
  g.textBaseline = 'middle'
  g.lineJoin = 'round'
  g.lineWidth = size < 10 ? 2 : 3
  g.strokeStyle = '#000c'
  g.fillStyle = '#fff'
  for (let cell = 0; cell < cellsOf(grid); cell++) {
    const [x, y] = at(cell)
    const word = String(codes[from + cell])
    g.strokeText(word, x + w / 2, y + h / 2 + 0.5)
    g.fillText(word, x + w / 2, y + h / 2 + 0.5)
  }
}

function lines(g: CanvasRenderingContext2D, place: Place, grid: Grid): void {
  const path = new Path2D()
  for (let x = 1; x < grid.width; x++) {
    path.moveTo(place.left + x * place.cell[0], place.top)
    path.lineTo(place.left + x * place.cell[0], place.top + place.height)
  }
  for (let y = 1; y < grid.height; y++) {
    path.moveTo(place.left, place.top + y * place.cell[1])
    path.lineTo(place.left + place.width, place.top + y * place.cell[1])
  }
  g.lineWidth = 1
  g.strokeStyle = '#8886'
  g.stroke(path)
}

/** What a cell reaches stays bright; the rest is darkened. */
function spotlight(
  g: CanvasRenderingContext2D,
  place: Place,
  field: Shaped<Float32Array>,
  box: readonly number[],
  theme: Colours,
): void {
  const [height, width] = field.shape
  const pixels = new ImageData(width, height)
  const most = field.data.reduce((a, b) => Math.max(a, b), 0)
  for (let i = 0; i < width * height; i++) pixels.data[4 * i + 3] = 215 * (1 - Math.sqrt(most > 0 ? field.data[i] / most : 0))
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  canvas.getContext('2d')!.putImageData(pixels, 0, 0)
  g.imageSmoothingEnabled = false
  g.drawImage(canvas, place.left, place.top, place.width, place.height)
  const [top, left, bottom, right] = box.length === 4 ? box : [0, 0, height, width]
  const path = new Path2D()
  path.rect(
    place.left + (left / width) * place.width,
    place.top + (top / height) * place.height,
    ((right - left) / width) * place.width,
    ((bottom - top) / height) * place.height,
  )
  g.setLineDash([5, 4])
  both(g, path, theme.bg, theme.ok, 1.5)
  g.setLineDash([])
}

/** Dark below light: seen on every colour. */
function both(g: CanvasRenderingContext2D, path: Path2D, under: string, over: string, width: number): void {
  g.lineWidth = width + 2
  g.strokeStyle = under
  g.stroke(path)
  g.lineWidth = width
  g.strokeStyle = over
  g.stroke(path)
}
