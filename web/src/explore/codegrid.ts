/** Where the tiles of a list that scrolls lie, and which of them are in view. */
export interface Laid {
  columns: number
  pitch: number // px from one tile to the next, across
  row: number // px from one row to the next
  size: number // px of a tile
  left: number // px before the first
  height: number // px of all rows
}

const GAP = 4

export function lay(width: number, count: number, size: number, foot: number): Laid {
  const room = Math.max(size, width - GAP)
  const columns = Math.max(1, Math.floor((room + GAP) / (size + GAP)))
  const pitch = (room + GAP) / columns
  const row = size + foot + GAP
  return { columns, pitch, row, size, left: GAP / 2 + (pitch - GAP - size) / 2, height: Math.ceil(count / columns) * row + GAP }
}

/** The largest tiles with which so many are in view at once, from `least` to `most` px: few codes are shown large. */
export function sizeFor(width: number, height: number, count: number, foot: number, least: number, most: number): number {
  for (let size = most; size > least; size -= 4) if (lay(width, count, size, foot).height <= height) return size
  return least
}

/** Places [first, last) of the rows that are in view. */
export function inView(laid: Laid, count: number, top: number, height: number): [number, number] {
  const first = Math.max(0, Math.floor((top - GAP) / laid.row)) * laid.columns
  return [Math.min(count, first), Math.min(count, Math.ceil((top + height) / laid.row) * laid.columns)]
}

export const corner = (laid: Laid, place: number): [number, number] => [
  laid.left + (place % laid.columns) * laid.pitch,
  GAP / 2 + Math.floor(place / laid.columns) * laid.row,
]

/** The place at a pixel; null where there is none. */
export function placeAt(laid: Laid, count: number, x: number, y: number): number | null {
  const column = Math.floor((x - laid.left + GAP / 2) / laid.pitch)
  const place = Math.floor((y - GAP / 2) / laid.row) * laid.columns + column
  return column >= 0 && column < laid.columns && y >= 0 && place >= 0 && place < count ? place : null
}

/** Where a key leads from a place; null for other keys. */
export function moved(key: string, place: number, count: number, columns: number, page: number): number | null {
  const by: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * page,
    PageDown: columns * page,
    Home: -place,
    End: count - 1 - place,
  }
  return key in by && count > 0 ? Math.min(count - 1, Math.max(0, place + by[key])) : null
}
