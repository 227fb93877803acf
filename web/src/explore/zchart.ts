import { figureOf } from './dims'
import type { Colours } from '../lib/theme.svelte'

/** Where the bars of a chart of z lie, in CSS pixels. */
export interface Bars {
  left: number
  width: number // of the place of one bar
  top: number
  bottom: number
  low: number
  high: number
  numbers: boolean // there is room for a number below each bar
}

const LEFT = 30
const LEAST = 3 // px of the place of a bar
const NUMBERS = 34 // px that a number needs

export function barsOf(width: number, height: number, count: number, low: number, high: number): Bars {
  const each = (width - LEFT - 6) / Math.max(1, count)
  const numbers = each >= NUMBERS
  return {
    left: LEFT,
    width: Math.min(96, each),
    top: 8,
    bottom: height - (numbers ? 36 : each >= 16 ? 20 : 8),
    low,
    high,
    numbers,
  }
}

/** So many bars can be distinguished. */
export const mostBars = (width: number): number => Math.max(16, Math.floor((width - LEFT - 6) / LEAST))

export const barAt = (bars: Bars, count: number, x: number): number | null => {
  const i = Math.floor((x - bars.left) / bars.width)
  return i >= 0 && i < count ? i : null
}

export const yOf = (bars: Bars, value: number): number => {
  const share = (Math.min(bars.high, Math.max(bars.low, value)) - bars.low) / (bars.high - bars.low)
  return bars.bottom - share * (bars.bottom - bars.top)
}

export function valueAt(bars: Bars, y: number): number {
  const share = (bars.bottom - y) / (bars.bottom - bars.top)
  const value = bars.low + Math.min(1, Math.max(0, share)) * (bars.high - bars.low)
  return Number(value.toFixed(bars.high - bars.low < 1 ? 4 : 2))
}

export interface Shown {
  order: readonly number[] // dimensions from left to right
  active: ReadonlySet<number>
  z: Float32Array
  mean: Float32Array | null // of the image that the point begins at
  sigma: Float32Array | null
  marked: number | null // place of a bar
}

export function drawBars(
  g: CanvasRenderingContext2D,
  width: number,
  height: number,
  bars: Bars,
  shown: Shown,
  colours: Colours,
): void {
  g.clearRect(0, 0, width, height)
  g.font = '11px system-ui, sans-serif'
  g.textBaseline = 'middle'
  for (const value of [bars.low, 0, bars.high]) {
    if (value < bars.low || value > bars.high) continue
    const y = Math.round(yOf(bars, value)) + 0.5
    g.strokeStyle = value === 0 ? colours.mute : colours.grid
    g.beginPath()
    g.moveTo(bars.left, y)
    g.lineTo(bars.left + bars.width * shown.order.length, y)
    g.stroke()
    g.fillStyle = colours.mute
    g.textAlign = 'right'
    g.fillText(String(Number(value.toPrecision(2))), bars.left - 6, y)
  }
  const zero = yOf(bars, 0)
  const gap = bars.width > 6 ? Math.min(6, bars.width * 0.22) : bars.width > 3 ? 1 : 0
  shown.order.forEach((d, i) => {
    const x = bars.left + i * bars.width
    if (i === shown.marked) {
      g.fillStyle = colours.raise
      g.fillRect(x, bars.top, bars.width, height - bars.top)
    }
    if (shown.mean && shown.sigma) {
      g.fillStyle = `${'#3f90da'}55`
      const [a, b] = [yOf(bars, shown.mean[d] + shown.sigma[d]), yOf(bars, shown.mean[d] - shown.sigma[d])]
      g.fillRect(x + gap / 2, a, bars.width - gap, Math.max(1, b - a))
    }
    const y = yOf(bars, shown.z[d])
    g.fillStyle = shown.active.has(d) ? colours.accent : colours.mute
    g.fillRect(x + gap, Math.min(y, zero), Math.max(1, bars.width - 2 * gap), Math.max(1, Math.abs(zero - y)))
    if (shown.mean) {
      g.fillStyle = '#3f90da'
      g.fillRect(x + gap / 2, yOf(bars, shown.mean[d]) - 1, bars.width - gap, 2)
    }
    g.textAlign = 'center'
    if (bars.width >= 16) {
      g.fillStyle = colours.mute
      g.fillText(String(d), x + bars.width / 2, bars.bottom + 11)
    }
    if (bars.numbers) {
      g.fillStyle = colours.text
      g.fillText(figureOf(shown.z[d]), x + bars.width / 2, bars.bottom + 26)
    }
  })
}
