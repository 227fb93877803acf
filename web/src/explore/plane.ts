/** Where values and pixels of a plane of images meet: an image stands in the middle of the part that it is decoded for. */
export interface PlaneSpan {
  low: number // of the first image
  high: number // of the last
  steps: number
}

const half = ({ low, high, steps }: PlaneSpan): number => (high - low) / (steps - 1) / 2

export function toValue(span: PlaneSpan, share: number): number {
  const [from, to] = [span.low - half(span), span.high + half(span)]
  return Number((from + Math.min(1, Math.max(0, share)) * (to - from)).toFixed(3))
}

/** 0 = left or bottom, 1 = right or top. */
export function toShare(span: PlaneSpan, value: number): number {
  const [from, to] = [span.low - half(span), span.high + half(span)]
  return (value - from) / (to - from)
}

/** Two different dimensions that a text `3,7` names; else the first two of an order, of two dimensions these as they are. */
export function pairOf(text: string | undefined, order: readonly number[]): [number, number] {
  const [x, y, more] = (text ?? '').split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : NaN))
  const fits = (d: number): boolean => Number.isInteger(d) && d < order.length
  if (order.length === 2 && text === undefined) return [0, 1]
  return fits(x) && fits(y) && x !== y && more === undefined ? [x, y] : [order[0] ?? 0, order[1] ?? order[0] ?? 0]
}
