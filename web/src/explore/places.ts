/** Points sorted into the cells of a grid, so that the nearest to a place is found without looking at all of them. */
export interface Places {
  points: Float32Array
  left: number
  bottom: number
  cell: number
  columns: number
  rows: number
  first: Int32Array // of each cell, in `order`; one more at the end
  order: Int32Array
}

const SIDE = 96 // cells of the longer side

export function placesOf(points: Float32Array): Places {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let i = 0; i < points.length; i += 2) {
    if (!Number.isFinite(points[i]) || !Number.isFinite(points[i + 1])) continue
    left = Math.min(left, points[i])
    right = Math.max(right, points[i])
    bottom = Math.min(bottom, points[i + 1])
    top = Math.max(top, points[i + 1])
  }
  const cell = Math.max(1e-9, Math.max(right - left, top - bottom) / SIDE) || 1
  const columns = right >= left ? Math.floor((right - left) / cell) + 1 : 1
  const rows = top >= bottom ? Math.floor((top - bottom) / cell) + 1 : 1
  const many = points.length / 2
  const cellOf = new Int32Array(many).fill(-1)
  const first = new Int32Array(columns * rows + 1)
  for (let i = 0; i < many; i++) {
    const [x, y] = [points[2 * i], points[2 * i + 1]]
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue
    cellOf[i] =
      Math.min(rows - 1, Math.floor((y - bottom) / cell)) * columns + Math.min(columns - 1, Math.floor((x - left) / cell))
    first[cellOf[i] + 1] += 1
  }
  for (let c = 0; c < columns * rows; c++) first[c + 1] += first[c]
  const next = first.slice()
  const order = new Int32Array(first[columns * rows])
  for (let i = 0; i < many; i++) if (cellOf[i] >= 0) order[next[cellOf[i]]++] = i
  return { points, left, bottom, cell, columns, rows, first, order }
}

/** The nearest point within reach of a place, of those that may be chosen; null where there is none. */
export function nearestIn(
  places: Places,
  x: number,
  y: number,
  reach: number,
  may: (i: number) => boolean = () => true,
): number | null {
  const { points, left, bottom, cell, columns, rows, first, order } = places
  const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, Math.floor(value)))
  const [from, to] = [clamp((x - reach - left) / cell, columns - 1), clamp((x + reach - left) / cell, columns - 1)]
  const [low, high] = [clamp((y - reach - bottom) / cell, rows - 1), clamp((y + reach - bottom) / cell, rows - 1)]
  let best: number | null = null
  let least = reach * reach
  for (let row = low; row <= high; row++) {
    for (let k = first[row * columns + from]; k < first[row * columns + to + 1]; k++) {
      const i = order[k]
      const away = (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2
      if (away <= least && may(i)) {
        least = away
        best = i
      }
    }
  }
  return best
}
