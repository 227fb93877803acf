import uPlot from 'uplot'
import { figure } from '../lib/format'
import type { Colours } from '../lib/theme.svelte'
import type { Mark } from '../lib/protocol'
import { mix } from '../scene/palette'
import { onOneAxis, smooth } from './smooth'
import { rangeOf, ticks } from './ticks'

export interface ChartLine {
  name: string
  colour: string
  step: number[]
  values: (number | null)[]
  dashed: boolean
  dots: boolean
  exact: boolean // never smoothed
}

export interface ChartState {
  lines: ChartLine[]
  log: boolean
  smoothing: number
  marks: Mark[]
  at: number | null // the step of the history that is shown
  colours: Colours
}

/** A uPlot that is told what to show, and makes itself anew only when its lines change. */
export class Chart {
  private plot: uPlot | null = null
  private shape = ''
  private state: ChartState | null = null
  private readonly observer: ResizeObserver

  constructor(private readonly place: HTMLElement, private readonly hover: (values: (number | null)[] | null, step: number | null) => void,
    private readonly picked: (step: number) => void) {
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()))
    this.observer.observe(place)
  }

  end(): void {
    this.observer.disconnect()
    this.plot?.destroy()
  }

  set(state: ChartState): void {
    this.state = state
    const shape = JSON.stringify([state.lines.map((line) => [line.name, line.colour, line.dashed, line.exact, lone(line.values)]), state.log, state.smoothing > 0, state.colours.dark])
    if (shape !== this.shape || !this.plot) {
      this.shape = shape
      this.plot?.destroy()
      this.plot = state.lines.length ? new uPlot(this.options(state), this.data(state), this.place) : null
    } else this.plot.setData(this.data(state))
  }

  /** Where a line is smoothed, it is drawn twice: faintly as measured, and over it smoothed. */
  private data(state: ChartState): uPlot.AlignedData {
    const clean = (values: (number | null)[]): (number | null)[] =>
      state.log ? values.map((v) => (v !== null && v > 0 ? v : null)) : values
    const raw = state.lines.map((line) => ({ step: line.step, values: clean(line.values) }))
    if (state.smoothing <= 0) return onOneAxis(raw)
    const smoothed = state.lines.map((line, i) => ({ step: line.step, values: line.dots || line.exact ? raw[i].values : smooth(raw[i].values, state.smoothing) }))
    return onOneAxis([...raw, ...smoothed])
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(60, this.place.clientWidth), height: Math.max(60, this.place.clientHeight) }
  }

  private options(state: ChartState): uPlot.Options {
    const { colours, lines, log, smoothing } = state
    const font = '11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
    const series = (line: ChartLine, faint: boolean): uPlot.Series => ({
      label: line.name,
      stroke: faint ? mix(line.colour, colours.panel, 0.3) : line.colour,
      width: faint ? 1 : 1.7,
      dash: line.dashed ? [5, 3] : undefined,
      points: { show: (line.dots && line.step.length < 30) || lone(line.values), size: 4, fill: line.colour },
      spanGaps: true,
    })
    const axis: uPlot.Axis = {
      stroke: colours.mute, font, ticks: { show: false }, grid: { stroke: colours.grid, width: 1 }, gap: 4,
    } // prettier-ignore
    const twice = smoothing > 0
    return {
      ...this.size(),
      legend: { show: false },
      padding: [8, 16, 0, 0],
      cursor: { points: { size: 6 }, drag: { x: false, y: false, setScale: false } },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1, range: (plot) => rangeOf(plot.data, log) } },
      axes: [
        { ...axis, size: 22, space: 56, values: (_, splits) => splits.map((v) => (splits[splits.length - 1] >= 10_000 && v ? `${v / 1000}k` : v.toLocaleString('en'))) },
        { ...axis, size: 44, space: 26, ...(log ? { splits: (plot: uPlot, _: number, min: number, max: number) => ticks(min, max, plot.bbox.height / devicePixelRatio), filter: (_: uPlot, splits: number[]) => splits } : {}), values: (_, splits) => splits.map((v) => (v === null ? '' : figure(v))) },
      ],
      series: [{}, ...lines.map((line) => series(line, twice && !line.dots && !line.exact)), ...(twice ? lines.map((line) => series(line, false)) : [])],
      hooks: {
        drawAxes: [(plot) => this.drawMarks(plot)],
        draw: [(plot) => this.drawCursor(plot)],
        setCursor: [(plot) => this.tell(plot)],
        ready: [(plot) => plot.over.addEventListener('click', () => this.pick(plot))],
      },
    }
  }

  private tell(plot: uPlot): void {
    const index = plot.cursor.idx
    if (index === null || index === undefined || (plot.cursor.left ?? -1) < 0) return this.hover(null, null)
    const lines = this.state!.lines.length
    const from = plot.series.length - lines
    const values = Array.from({ length: lines }, (_, i) => near(plot.data[from + i] as (number | null)[], index))
    this.hover(values, plot.data[0][index])
  }

  private pick(plot: uPlot): void {
    const left = plot.cursor.left ?? -1
    if (left >= 0) this.picked(Math.round(plot.posToVal(left, 'x')))
  }

  /** What was changed by hand, found or revived, as thin lines behind the curves. */
  private drawMarks(plot: uPlot): void {
    const { marks, colours } = this.state!
    const { ctx, bbox } = plot
    ctx.save()
    for (const mark of marks) {
      // A change that is newer than the newest row stands at the right edge until the rows have caught up.
      const x = Math.min(Math.round(plot.valToPos(mark.step, 'x', true)), bbox.left + bbox.width - 1) + 0.5
      if (x < bbox.left) continue
      ctx.strokeStyle = mark.kind === 'finding' || mark.kind === 'failed' ? colours.bad : mark.kind === 'revived' ? colours.ok : colours.mute
      ctx.lineWidth = devicePixelRatio
      ctx.setLineDash(mark.kind === 'set' ? [3, 3] : mark.kind === 'revived' ? [1, 3] : [])
      ctx.globalAlpha = 0.8
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
    }
    ctx.restore()
  }

  private drawCursor(plot: uPlot): void {
    const { at, colours } = this.state!
    if (at === null) return
    const { ctx, bbox } = plot
    const x = plot.valToPos(at, 'x', true)
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return
    ctx.save()
    ctx.fillStyle = colours.accent
    ctx.fillRect(x - devicePixelRatio, bbox.top, 2 * devicePixelRatio, bbox.height)
    ctx.restore()
  }
}

/** A value without neighbours makes no line: it has to be a dot. */
function lone(values: (number | null)[]): boolean {
  return values.length < 40 && values.filter((value) => value !== null).length === 1
}

function near(values: (number | null)[], index: number): number | null {
  for (let away = 0; away < 40; away++) {
    const value = values[index - away] ?? values[index + away]
    if (value !== null && value !== undefined) return value
  }
  return null
}
