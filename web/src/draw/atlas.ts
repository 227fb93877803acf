import type { Frame, Named } from '../lib/frame'

/** A batch of images (n, h, w, C) of a frame as one canvas, a strip of tiles that other canvases copy from. */
export interface Atlas {
  canvas: HTMLCanvasElement
  count: number
  w: number
  h: number
  columns: number
}

export function makeAtlas(pixels: Uint8Array, count: number, h: number, w: number, channels: number): Atlas {
  const columns = Math.max(1, Math.min(count, Math.floor(4096 / w)))
  const rows = Math.max(1, Math.ceil(count / columns))
  const canvas = document.createElement('canvas')
  canvas.width = columns * w
  canvas.height = rows * h
  const g = canvas.getContext('2d', { willReadFrequently: true })!
  const image = g.createImageData(canvas.width, canvas.height)
  const out = new Uint32Array(image.data.buffer)
  let from = 0
  for (let n = 0; n < count; n++) {
    const left = (n % columns) * w
    const top = Math.floor(n / columns) * h
    for (let y = 0; y < h; y++) {
      let to = (top + y) * canvas.width + left
      for (let x = 0; x < w; x++, to++, from += channels) {
        const r = pixels[from]
        const green = channels >= 3 ? pixels[from + 1] : r
        const b = channels >= 3 ? pixels[from + 2] : r
        out[to] = 0xff000000 | (b << 16) | (green << 8) | r
      }
    }
  }
  g.putImageData(image, 0, 0)
  return { canvas, count, w, h, columns }
}

/** The atlas of an array of shape (..., h, w, C), whatever leads. */
export function atlasOf(frame: Frame | undefined, name: Named<'u1'>): Atlas | null {
  const pixels = frame?.u1(name)
  const shape = frame?.shapes.get(name)
  if (!pixels || !shape || shape.length < 4) return null
  const [h, w, c] = shape.slice(-3)
  const count = shape.slice(0, -3).reduce((product, n) => product * n, 1)
  return count ? makeAtlas(pixels, count, h, w, c) : null
}

export function drawTile(
  g: CanvasRenderingContext2D,
  atlas: Atlas,
  index: number,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const left = (index % atlas.columns) * atlas.w
  const top = Math.floor(index / atlas.columns) * atlas.h
  g.imageSmoothingEnabled = false // pixels are pixels
  g.drawImage(atlas.canvas, left, top, atlas.w, atlas.h, x, y, width, height)
}
