/** From low to high without the few outermost values, so that the first steps of a run do not flatten all the rest. */
export function rangeOf(data: ArrayLike<ArrayLike<number | null | undefined>>, log: boolean): [number, number] {
  const values: number[] = []
  for (const column of Array.from(data).slice(1)) for (const value of Array.from(column)) if (value !== null && value !== undefined) values.push(value)
  if (!values.length) return log ? [0.1, 1] : [0, 1]
  values.sort((a, b) => a - b)
  const cut = values.length > 200 ? Math.floor(values.length * 0.01) : 0
  const [low, high] = [values[cut], values[values.length - 1 - Math.floor(cut / 4)]]
  if (log) return [low / 1.25, high * 1.25]
  const pad = (high - low || Math.abs(high) || 1) * 0.06
  return [low >= 0 && low < 0.3 * high ? 0 : low - pad, high + pad]
}

/** Round numbers between two values, for a logarithmic axis: powers of ten, or over a short range some more. */
export function ticks(min: number, max: number): number[] {
  const decades = Math.log10(max / min)
  const wanted = decades > 2.2 ? [1] : decades > 1 ? [1, 3] : decades > 0.5 ? [1, 2, 3, 5, 7] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]
  const found: number[] = []
  for (let exponent = Math.floor(Math.log10(min)); exponent <= Math.ceil(Math.log10(max)); exponent++) {
    for (const digit of wanted) {
      const value = Number((digit * 10 ** exponent).toPrecision(3))
      if (value >= min && value <= max) found.push(value)
    }
  }
  return found
}
