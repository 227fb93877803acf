/** From low to high without the few outermost values, so that the first steps of a run do not flatten all the rest. */
export function rangeOf(columns: readonly ArrayLike<number | null | undefined>[], log: boolean): [number, number] {
  const values: number[] = []
  for (const column of columns)
    for (const value of Array.from(column)) if (value !== null && value !== undefined) values.push(value)
  if (!values.length) return log ? [0.1, 1] : [0, 1]
  values.sort((a, b) => a - b)
  const cut = values.length > 200 ? Math.floor(values.length * 0.01) : 0
  const [low, high] = [values[cut], values[values.length - 1 - Math.floor(cut / 4)]]
  if (log) return [low / 1.25, high * 1.25]
  const pad = (high - low || Math.abs(high) || 1) * 0.06
  return [low >= 0 && low < 0.3 * high ? 0 : low - pad, high + pad]
}

/** Digits that a decade is divided by, and the pixels that it needs for them. */
const DIVISIONS: [pixels: number, digits: number[]][] = [
  [0, [1]],
  [48, [1, 3]],
  [100, [1, 2, 5]],
  [190, [1, 2, 3, 5, 7]],
  [380, [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]],
]
const LEAST = 15 // pixels between two numbers

/** Round numbers between two values, for a logarithmic axis of a height in pixels: as many as have room, two at least. */
export function ticks(min: number, max: number, height: number): number[] {
  const decade = height / Math.log10(max / min)
  const apart = Math.max(1, Math.ceil(LEAST / decade))
  let found: number[] = []
  for (const [pixels, digits] of DIVISIONS) {
    if (pixels > decade && found.length >= 2) break
    found = []
    for (let exponent = apart * Math.floor(Math.log10(min) / apart); exponent <= Math.log10(max); exponent += apart) {
      for (const digit of digits) {
        const value = Number((digit * 10 ** exponent).toPrecision(3))
        if (value >= min && value <= max) found.push(value)
      }
    }
  }
  return found
}
