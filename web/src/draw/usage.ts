import type { Colours } from '../lib/theme.svelte'
import { petroff10 } from '../scene/palette'
import type { Surface } from './surface'

export interface UsageLevel {
  usage: Float32Array
  order: Uint32Array // the code at each place from the left
  dead: Uint8Array
  revived: Int32Array | null
}

const GAP = 8
const levelColours = [petroff10[0], petroff10[9], petroff10[1], petroff10[5], petroff10[7]]

/** How long a revived code wears its cap. */
const NEWLY = 300

/** One row of bars for each level: share of the tokens. Unused: a cross. Revived of late: a cap of dots above the bar. */
export function drawUsage(
  to: Surface,
  levels: UsageLevel[],
  at: { step: number; focus: number | null; focusLevel: number },
  theme: Colours,
): void {
  const { g, width, height } = to
  g.clearRect(0, 0, width, height)
  const high = (height - GAP * (levels.length - 1)) / levels.length
  levels.forEach((level, row) => {
    const bottom = row * (high + GAP) + high
    const n = level.usage.length
    if (isMany(n, width)) return drawMany(to, level, row, { bottom, high, ...at }, theme)
    let most = 0
    for (const share of level.usage) most = Math.max(most, share)
    const wide = width / n
    const gap = wide > 6 ? 2 : wide > 3 ? 1 : 0
    const bars = new Path2D()
    const caps = new Path2D()
    const crosses = new Path2D()
    const arm = Math.min(4, Math.max(1, wide * 0.32))
    for (let i = 0; i < n; i++) {
      const code = level.order[i]
      const x = i * wide
      const tall = most > 0 ? (level.usage[code] / most) * (high - 5) : 0
      if (level.dead[code]) {
        const [cx, cy] = [x + wide / 2, bottom - arm - 1.5]
        crosses.moveTo(cx - arm, cy - arm)
        crosses.lineTo(cx + arm, cy + arm)
        crosses.moveTo(cx + arm, cy - arm)
        crosses.lineTo(cx - arm, cy + arm)
      } else bars.rect(x, bottom - Math.max(tall, 1), Math.max(0.5, wide - gap), Math.max(tall, 1))
      const since = level.revived ? at.step - level.revived[code] : -1
      if (level.revived && level.revived[code] >= 0 && since < NEWLY) {
        caps.moveTo(x + wide / 2, bottom - tall - 6)
        caps.lineTo(x + wide / 2 + 3, bottom - tall - 2.5)
        caps.lineTo(x + wide / 2 - 3, bottom - tall - 2.5)
        caps.closePath()
      }
      if (row === at.focusLevel && code === at.focus) {
        g.fillStyle = theme.raise
        g.fillRect(x - 1, bottom - high, Math.max(3, wide), high)
      }
    }
    g.fillStyle = theme.line
    g.fillRect(0, bottom - 0.5, width, 1)
    g.fillStyle = levelColours[row % levelColours.length]
    g.fill(bars)
    g.fillStyle = theme.ok
    g.fill(caps)
    g.strokeStyle = theme.bad
    g.lineWidth = 1.5
    g.stroke(crosses)
    const even = 1 / n // a line where even use of all codes would lie
    if (most > 0 && even < most) {
      const y = bottom - (even / most) * (high - 5)
      g.strokeStyle = theme.text
      g.globalAlpha = 0.35
      g.lineWidth = 1
      g.setLineDash([2, 3])
      g.beginPath()
      g.moveTo(0, y)
      g.lineTo(width, y)
      g.stroke()
      g.setLineDash([])
      g.globalAlpha = 1
    }
  })
}

/** Pixels of a column that stands for several codes, and of what is below it and above it. */
const COLUMN = 2
const STRIP = 4
/** Codes of a row from which they are drawn by density; fewer where a code would have less than some pixels. */
const MOST_BARS = 300

export const isMany = (codes: number, width: number): boolean => codes > MOST_BARS || codes * 1.5 > width

export interface Column {
  mean: number // share of the tokens
  most: number
  unused: number // share of its codes
  revived: number
}

/** Codes side by side, as many columns as there is room for. */
export function columnsOf(level: UsageLevel, columns: number, step: number): Column[] {
  const n = level.order.length
  return Array.from({ length: Math.min(columns, n) }, (_, column) => {
    const [from, to] = [column, column + 1].map((at) => Math.floor((at * n) / Math.min(columns, n)))
    const out: Column = { mean: 0, most: 0, unused: 0, revived: 0 }
    for (let i = from; i < to; i++) {
      const code = level.order[i]
      out.mean += level.usage[code] / (to - from)
      out.most = Math.max(out.most, level.usage[code])
      out.unused += level.dead[code] / (to - from)
      if (level.revived && level.revived[code] >= 0 && step - level.revived[code] < NEWLY) out.revived += 1 / (to - from)
    }
    return out
  })
}

/** Too many codes for a bar each: the mean of those in a column, faintly the most of them, and how many are unused. */
function drawMany(
  to: Surface,
  level: UsageLevel,
  row: number,
  at: { bottom: number; high: number; step: number; focus: number | null; focusLevel: number },
  theme: Colours,
): void {
  const { g, width } = to
  const columns = columnsOf(level, Math.floor(width / COLUMN), at.step)
  const wide = width / columns.length
  const floor = at.bottom - STRIP - 1
  const room = at.high - STRIP - 4
  // By the means: one code that takes a large share would else flatten all others.
  const top = Math.max(...columns.map((one) => one.mean)) * 1.2 || 1
  const tall = (share: number): number => Math.min(room, (share / top) * room)
  if (row === at.focusLevel && at.focus !== null) {
    const place = level.order.indexOf(at.focus)
    g.fillStyle = theme.accent
    g.fillRect(Math.floor(((place + 0.5) / level.order.length) * width) - 0.5, at.bottom - at.high, 1.5, at.high)
  }
  g.fillStyle = levelColours[row % levelColours.length]
  columns.forEach((one, i) => {
    g.globalAlpha = 0.3
    g.fillRect(i * wide, floor - tall(one.most), wide, tall(one.most))
    g.globalAlpha = 1
    g.fillRect(i * wide, floor - tall(one.mean), wide, tall(one.mean))
  })
  for (const [colour, y, share] of [
    [theme.bad, at.bottom - STRIP, 'unused'],
    [theme.ok, at.bottom - at.high, 'revived'],
  ] as const) {
    g.fillStyle = colour
    columns.forEach((one, i) => {
      if (!one[share]) return
      g.globalAlpha = 0.25 + 0.75 * one[share]
      g.fillRect(i * wide, y, wide, share === 'unused' ? STRIP : 2)
    })
  }
  g.globalAlpha = 1
  g.fillStyle = theme.line
  g.fillRect(0, floor, width, 1)
}

export function usageAt(
  levels: UsageLevel[],
  x: number,
  y: number,
  width: number,
  height: number,
): { level: number; code: number } | null {
  const level = Math.min(levels.length - 1, Math.max(0, Math.floor((y / height) * levels.length)))
  const order = levels[level]?.order
  if (!order || x < 0 || x >= width) return null
  return { level, code: order[Math.floor((x / width) * order.length)] }
}
