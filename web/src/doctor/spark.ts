/** Points of a series as they were logged. */
export interface Series {
  name: string
  step: readonly number[]
  values: readonly (number | null)[]
}

export interface Drawn {
  lines: { name: string; path: string }[]
  since: number | null // where the finding begins, as a share of the width; null outside of what is drawn
  threshold: number | null // its height as a share; null where it is of another scale
  low: number
  high: number
}

/** What a finding holds against what: the value that was judged, its threshold, and since when. */
export interface Judged {
  step: number
  measured: number | null
  threshold: number | null
}

/** How many times the range of the values the threshold may lie outside of it, and still be of their scale. */
const REACH = 3
/** Values travel as text: so near to each other they are the same one. */
const SAME = 1e-4

type Point = readonly [number, number]
const base = (name: string): string => name.split('.', 1)[0]

/**
 * The series of a finding as lines in boxes of `wide` by `high`, one box for each metric, for each has a scale of its own; levels or
 * dimensions of one metric share its box. All boxes are over the same steps.
 */
export function plots(
  series: readonly Series[],
  steps: readonly [number, number] | null,
  judged: Judged,
  wide: number,
  high: number,
): Drawn[] {
  const inside = (step: number): boolean => !steps || (step >= steps[0] && step <= steps[1])
  const points = series.map((one) => ({
    name: one.name,
    at: one.step
      .map((step, i) => [step, one.values[i]] as const)
      .filter((p): p is Point => inside(p[0]) && p[1] !== null && Number.isFinite(p[1])),
  }))
  const all = points.flatMap((one) => one.at.map((p) => p[0]))
  if (!all.length) return []
  const span: Point = [Math.min(...all), Math.max(...all)]
  const names = [...new Set(points.map((one) => base(one.name)))]
  return names
    .map((name) =>
      drawn(
        points.filter((one) => base(one.name) === name),
        span,
        judged,
        wide,
        high,
      ),
    )
    .filter((one) => one !== null)
}

/**
 * One box: logarithmic where values spread over decades. The threshold is drawn where the value that was held against it is one of
 * these, and not, for example, a ratio of two.
 */
function drawn(
  points: readonly { name: string; at: Point[] }[],
  [first, last]: Point,
  judged: Judged,
  wide: number,
  high: number,
): Drawn | null {
  const values = points.flatMap((one) => one.at.map((p) => p[1]))
  if (values.length < 2) return null
  let [low, top] = [Math.min(...values), Math.max(...values)]
  const range = top - low || Math.abs(top) || 1
  const { measured, threshold } = judged
  const ofThese = measured !== null && values.some((value) => Math.abs(value - measured) <= SAME * Math.abs(measured))
  const shown =
    ofThese && threshold !== null && threshold >= low - REACH * range && threshold <= top + REACH * range ? threshold : null
  if (shown !== null) [low, top] = [Math.min(low, shown), Math.max(top, shown)]
  const log = low > 0 && top / low > 50
  const scale = (value: number): number => (log ? Math.log(value) : value)
  const [from, to] = [scale(low), scale(top)]
  const y = (value: number): number => high * (1 - (scale(value) - from) / (to - from || 1))
  const x = (step: number): number => (wide * (step - first)) / Math.max(1, last - first)
  return {
    lines: points
      .filter((one) => one.at.length > 1)
      .map((one) => ({
        name: one.name,
        path: one.at.map(([step, value], i) => `${i ? 'L' : 'M'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join(''),
      })),
    since: judged.step >= first && judged.step <= last ? x(judged.step) / wide : null,
    threshold: shown === null ? null : y(shown) / high,
    low,
    high: top,
  }
}
