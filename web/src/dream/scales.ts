/** Where the sliders of drawing stand still. */
const steps = (low: number, high: number, by: number): number[] =>
  Array.from({ length: Math.round((high - low) / by) + 1 }, (_, i) => Number((low + i * by).toFixed(3)))

export const TEMPERATURES = steps(0.1, 2, 0.05)
export const SHARES = steps(0.05, 1, 0.05)
export const GUIDANCES = steps(0, 8, 0.25)

/** 1, 2, 3, 4, 6, 8, 12, ... below all codes, and then none: all of them. */
export function topKs(codes: number): (number | null)[] {
  const found: (number | null)[] = [1, 2, 3]
  for (let n = 4; n < codes; n *= 2) for (const one of [n, n * 1.5]) if (one < codes) found.push(one)
  return [...found.filter((one) => one === null || one < codes), null]
}

/** `null` stands for the prior's own value, where that comes among the others. */
const around = (own: number, others: number[]): (number | null)[] => [
  ...others.filter((one) => one < own),
  null,
  ...others.filter((one) => one > own),
]

/** Up to 64 passes, or as many as there are cells; none = as many as the prior was made for. */
export const passes = (cells: number, own: number): (number | null)[] =>
  around(
    own,
    [1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128].filter((one) => one <= Math.max(16, cells)),
  )
export const counts = (most: number): number[] =>
  most <= 9
    ? steps(1, most, 1)
    : [1, 2, 3, 4, 6, 8, 9, 12, 16, 20, 24, 25, 30, 36, 42, 48, 49, 56, 64].filter((one) => one <= most)

/** Lengths of clips: none = the prior's own; multiples of what it learned from. */
export const lengths = (own: number, most: number): (number | null)[] =>
  around(
    own,
    [0.5, 1.5, 2, 3, 4].map((factor) => Math.round(own * factor)).filter((one) => one >= 2 && one <= most),
  )
