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
  to: Surface, levels: UsageLevel[], at: { step: number; focus: number | null; focusLevel: number }, theme: Colours,
): void {
  const { g, width, height } = to
  g.clearRect(0, 0, width, height)
  const high = (height - GAP * (levels.length - 1)) / levels.length
  levels.forEach((level, row) => {
    const bottom = row * (high + GAP) + high
    const n = level.usage.length
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

export function usageAt(levels: UsageLevel[], x: number, y: number, width: number, height: number): { level: number; code: number } | null {
  const level = Math.min(levels.length - 1, Math.max(0, Math.floor((y / height) * levels.length)))
  const order = levels[level]?.order
  if (!order || x < 0 || x >= width) return null
  return { level, code: order[Math.floor((x / width) * order.length)] }
}
