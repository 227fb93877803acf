import type { Shaped } from '../lib/frame'
import { imageCount, imageData } from '../lib/pixels'

export const GAP = 1 // pixel of an image, right of and below each

/** Images row by row in a square, each at its own size. */
export function sheetOf(canvas: HTMLCanvasElement, images: Shaped<Uint8Array>, side: number): void {
  const [h, w] = images.shape.slice(-3)
  canvas.width = side * (w + GAP)
  canvas.height = side * (h + GAP)
  const g = canvas.getContext('2d')!
  for (let k = 0; k < Math.min(side * side, imageCount(images)); k++)
    g.putImageData(imageData(images, k), (k % side) * (w + GAP), Math.floor(k / side) * (h + GAP))
}
