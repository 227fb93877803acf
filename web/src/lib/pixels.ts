import type { Shaped } from '../lib/frame'

/** The pixels of image `n` of (..., H, W, C) uint8, grey or in colour, as a canvas takes them. */
export function imageData(images: Shaped<Uint8Array>, n = 0): ImageData {
  const [height, width, channels] = images.shape.slice(-3)
  const size = height * width
  const from = images.data.subarray(n * size * channels, (n + 1) * size * channels)
  const out = new ImageData(width, height)
  const to = out.data
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) to[4 * i + c] = from[i * channels + (channels === 3 ? c : 0)]
    to[4 * i + 3] = 255
  }
  return out
}

/** How many images (..., H, W, C) holds. */
export const imageCount = (images: Shaped<Uint8Array>): number => images.shape.slice(0, -3).reduce((product, n) => product * n, 1)

/** Draw image `n` at its own size; the style sheet enlarges it, pixels staying pixels. */
export function paint(canvas: HTMLCanvasElement, images: Shaped<Uint8Array>, n = 0): void {
  const pixels = imageData(images, n)
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) {
    canvas.width = pixels.width
    canvas.height = pixels.height
  }
  canvas.getContext('2d')!.putImageData(pixels, 0, 0)
}
