import type { Steerable } from './protocol'

/** A slider's position, 0 to `STEPS`, and the value of a setting: linear, logarithmic, or logarithmic with 'off' at the left end. */
export const STEPS = 400

export type Range = Pick<Steerable, 'low' | 'high' | 'scale' | 'value'>

/** The smallest value above off: low where it is positive, else four decades below high, and well below what it started with. */
function floor(range: Range): number {
  if (range.low > 0) return range.low
  return range.value > 0 ? Math.min(range.high / 1e4, range.value / 10) : range.high / 1e4
}

export function toPosition(value: number, range: Range): number {
  const { low, high, scale } = range
  if (scale === 'linear') return bounded(Math.round(((value - low) / (high - low)) * STEPS))
  const from = floor(range)
  if (scale === 'off-log') {
    if (value <= 0) return 0
    return bounded(Math.max(1, Math.round(1 + (Math.log(value / from) / Math.log(high / from)) * (STEPS - 1))))
  }
  return bounded(Math.round((Math.log(Math.max(value, from) / from) / Math.log(high / from)) * STEPS))
}

export function toValue(position: number, range: Range): number {
  const { low, high, scale } = range
  if (scale === 'linear') return tidy(low + (position / STEPS) * (high - low))
  const from = floor(range)
  if (scale === 'off-log') {
    if (position <= 0) return 0
    return tidy(from * (high / from) ** ((position - 1) / (STEPS - 1)))
  }
  return tidy(from * (high / from) ** (position / STEPS))
}

export function sliderText(value: number, range: Range): string {
  if (range.scale === 'off-log' && value === 0) return 'off'
  if (value !== 0 && Math.abs(value) < 0.01) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

/** Why what was typed cannot be set; empty where it can, as far as this page knows. */
export function complaint(text: string, range: Range): string {
  const value = typed(text)
  if (value === null) return text.trim() ? `“${text.trim()}” is not a number` : 'a number is needed'
  if (value < range.low || value > range.high) return `${text.trim()} is out of range: ${range.low} to ${range.high}`
  return ''
}

/** A typed number, or 'off'; null when it is neither. */
export function typed(text: string): number | null {
  const trimmed = text.trim().toLowerCase().replace(',', '.')
  if (trimmed === 'off') return 0
  if (trimmed === '') return null
  const value = Number(trimmed)
  return Number.isFinite(value) ? value : null
}

const bounded = (position: number): number => Math.min(STEPS, Math.max(0, position))
const tidy = (value: number): number => Number(value.toPrecision(3))

/** While a slider is dragged, send at most every 40 ms, and always the last position. */
const due = new Map<string, { again: (() => void) | null }>()

export function lastStep(name: string, send: () => void): void {
  const waiting = due.get(name)
  if (waiting) {
    waiting.again = send
    return
  }
  send()
  const entry: { again: (() => void) | null } = { again: null }
  due.set(name, entry)
  setTimeout(() => {
    due.delete(name)
    if (entry.again) lastStep(name, entry.again)
  }, 40)
}
