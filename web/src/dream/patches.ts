import type { Shaped } from '../lib/frame'

/** What the decoder paints for each code of the first level, cut to one cell: of these an image is laid while it is drawn. */
export interface Patches {
  height: number // of a cell, in pixels
  width: number
  channels: number
  pixels: Uint8Array // code by code
}

/** The middle of each tile (n, y, x, C), as large as a cell. */
export function patchesOf(tiles: Shaped<Uint8Array>, [height, width]: readonly number[]): Patches {
  const [count, high, wide, channels] = tiles.shape
  const [h, w] = [Math.min(height, high), Math.min(width, wide)]
  const [top, left] = [Math.floor((high - h) / 2), Math.floor((wide - w) / 2)]
  const pixels = new Uint8Array(count * h * w * channels)
  for (let n = 0; n < count; n++)
    for (let y = 0; y < h; y++) {
      const from = ((n * high + top + y) * wide + left) * channels
      pixels.set(tiles.data.subarray(from, from + w * channels), (n * h + y) * w * channels)
    }
  return { height: h, width: w, channels, pixels }
}

export interface Laid {
  width: number
  height: number
  rgba: Uint8ClampedArray<ArrayBuffer> // nothing where no token is yet
}

/** A frame of tokens (..., t, Q, h, w) as it is so far, `item` and `frame` chosen. */
export function laid(tokens: Shaped<Int32Array>, patches: Patches, item: number, frame: number): Laid {
  const [t, levels, rows, columns] = tokens.shape.slice(-4)
  const from = (item * t + Math.min(t - 1, frame)) * levels * rows * columns // the first level
  const { height: h, width: w, channels, pixels } = patches
  const width = columns * w
  const rgba = new Uint8ClampedArray(rows * h * width * 4)
  for (let cell = 0; cell < rows * columns; cell++) {
    const code = tokens.data[from + cell]
    if (code < 0 || (code + 1) * h * w * channels > pixels.length) continue
    const [top, left] = [Math.floor(cell / columns) * h, (cell % columns) * w]
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const source = ((code * h + y) * w + x) * channels
        const to = ((top + y) * width + left + x) * 4
        for (let c = 0; c < 3; c++) rgba[to + c] = pixels[source + (channels === 3 ? c : 0)]
        rgba[to + 3] = 255
      }
  }
  return { width, height: rows * h, rgba }
}

/** Columns with which `count` images of a shape (width over height) are largest in a place. */
export function columnsOf(
  count: number,
  width: number,
  height: number,
  shape: number,
  gap: number,
): { columns: number; side: number } {
  let best = { columns: 1, side: 0 }
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    const wide = Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * shape)
    if (wide > best.side + 0.01) best = { columns, side: wide }
  }
  return best
}
