import type { Colours } from '../lib/theme.svelte'
import type { Mark } from '../lib/protocol'
import { figure } from '../lib/format'
import { isBad, withoutOldEnds } from '../scene/marks'
import type { Axis } from '../scene/axis'
import type { Surface } from './surface'

export interface TimelineState {
  steps: number[] // of stored frames
  marks: Mark[]
  axis: Axis
  end: number // the right edge, in steps
  now: number // how far the run has come
  at: number | null // the step that is shown; null = live
  dead: boolean
}

export const PAD = 8
const kinds: Record<string, 'ring' | 'diamond' | 'flag' | 'dot'> = {
  set: 'diamond',
  revived: 'ring',
  finding: 'flag',
  failed: 'flag',
  'rolled-back': 'flag',
}

export const shownMarks = (marks: Mark[]): Mark[] => marks.filter((mark) => !['codes-started', 'refused'].includes(mark.kind))

export function drawTimeline(to: Surface, state: TimelineState, theme: Colours): void {
  const { g, width, height } = to
  g.clearRect(0, 0, width, height)
  const x = (step: number): number => PAD + state.axis.place(step) * (width - 2 * PAD)
  const middle = Math.round(height / 2) + 5
  const bar = (from: number, until: number, colour: string, alpha = 1): void => {
    g.globalAlpha = alpha
    g.fillStyle = colour
    g.beginPath()
    g.roundRect(from, middle - 5, Math.max(2, until - from), 10, 3)
    g.fill()
    g.globalAlpha = 1
  }
  bar(x(0), x(state.end), theme.raise)
  bar(x(0), x(state.now), theme.accent, state.dead ? 0.2 : 0.32)

  g.fillStyle = theme.mute
  g.globalAlpha = 0.65
  let last = -10
  for (const step of state.steps) {
    const at = x(step)
    if (at - last < 2) continue
    g.fillRect(Math.round(at), middle + 8, 1, 5)
    last = at
  }
  g.globalAlpha = 1

  g.font = '11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
  g.textBaseline = 'middle'
  g.lineWidth = 1.5
  const free = [-10, -10] // where a row of labels has room again: two rows, for marks that lie close together
  for (const mark of withoutOldEnds(shownMarks(state.marks))) {
    const at = x(mark.step)
    const bad = isBad(mark) ? theme.bad : mark.kind === 'finding' ? theme.warn : null
    g.fillStyle = g.strokeStyle = bad ?? theme.text
    shape(g, kinds[mark.kind] ?? 'dot', at, middle)
    const text = brief(mark)
    const wide = g.measureText(text).width
    const left = Math.min(at - 3, width - PAD - wide)
    const row = free.findIndex((from) => left > from)
    if (row >= 0) {
      g.fillStyle = bad ?? theme.mute
      g.fillText(text, left, middle - 14 - 12 * row)
      free[row] = left + wide + 14
    }
  }
  g.fillStyle = theme.accent
  g.beginPath()
  g.roundRect(x(state.at ?? state.now) - 2, middle - 11, 4, 22, 2)
  g.fill()
}

function shape(g: CanvasRenderingContext2D, kind: string, x: number, y: number): void {
  g.beginPath()
  if (kind === 'diamond') {
    g.moveTo(x, y - 5)
    g.lineTo(x + 4.5, y)
    g.lineTo(x, y + 5)
    g.lineTo(x - 4.5, y)
    g.closePath()
  } else if (kind === 'flag') {
    g.moveTo(x, y - 5)
    g.lineTo(x + 5, y + 4)
    g.lineTo(x - 5, y + 4)
    g.closePath()
  } else g.arc(x, y, 3, 0, 2 * Math.PI)
  if (kind === 'ring') g.stroke()
  else g.fill()
}

/** A mark in a few words: `commitment 0.25 → 0.5`. */
export function brief(mark: Mark): string {
  if (mark.kind === 'started') return 'started'
  if (mark.code) return mark.kind === 'finding' ? mark.code.replaceAll('-', ' ') : `no more ${mark.code.replaceAll('-', ' ')}`
  const set = mark.change && mark.change.before !== mark.change.value ? mark.change : null
  const text = set
    ? `${set.name.replace(/^(objective|optimizer|bottleneck)\./, '')} ${figure(set.before)} → ${figure(set.value)}`
    : mark.text
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
