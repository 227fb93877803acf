const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export const count = (value: number): string => whole.format(value)

/** A figure in about three significant digits: 0.0123, 1.5e-4, 13.1, 4,812. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1e-3 || size >= 1e6) return value.toExponential(Math.max(0, digits - 2)).replace('e+', 'e')
  if (size >= 1000) return count(value)
  return String(Number(value.toPrecision(digits)))
}

export function percent(share: number, digits = 1): string {
  const least = 10 ** -digits
  // Little is not nothing
  const text = share > 0 && share * 100 < least / 2 ? `<\u00a0${least.toFixed(digits)}` : (share * 100).toFixed(digits)
  return `${text}\u00a0%` // a sign that begins a line belongs to nothing
}

/** How long: 4 s, 3 min, 2 h 5 min, 3 days. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  return `${Math.floor(hours / 24)} days`
}

/** The age of a frame, coarse enough not to flicker. */
export function age(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds / 10) * 10)} ms`
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`
  return duration(milliseconds / 1000)
}

/** Clauses, such as what happened, why and the fix, as sentences, each once. A name such as bottleneck.codes stays as it is. */
export function sentences(...clauses: string[]): string[] {
  const once = [...new Set(clauses.map((part) => part.trim().replace(/[.;]$/, '')))].filter(Boolean)
  return once.map(
    (part) =>
      `${/^[a-z]+(?=[\s,?!]|$)/.test(part) ? part[0].toUpperCase() + part.slice(1) : part}${/[.!?…]$/.test(part) ? '' : '.'}`,
  )
}

export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${unit && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`
}
