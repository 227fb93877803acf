import uPlot from 'uplot'
import { figure } from '../lib/format'
import type { Colours } from '../lib/theme.svelte'
import type { Mark } from '../lib/protocol'
import { brief } from '../draw/timeline'
import { isBad } from '../scene/marks'
import { labelled } from './labels'
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
  apart?: boolean // on a linear axis of its own, at the right, wherever there are others
}

export interface ChartState {
  lines: ChartLine[]
  log: boolean
  smoothing: number
  marks: Mark[]
  at: number | null // the step of the history that is shown
  colours: Colours
}

/** A uPlot that gets what to show, and makes itself anew only when its lines change. */
export class Chart {
  private plot: uPlot | null = null
  private shape = ''
  private state: ChartState | null = null
  private readonly observer: ResizeObserver

  constructor(
    private readonly place: HTMLElement,
    private readonly hover: (values: (number | null)[] | null, step: number | null) => void,
    private readonly picked: (step: number) => void,
  ) {
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()))
    this.observer.observe(place)
  }

  end(): void {
    this.observer.disconnect()
    this.plot?.destroy()
  }

  set(state: ChartState): void {
    this.state = state
    const shape = JSON.stringify([
      state.lines.map((line) => [line.name, line.colour, line.dashed, line.exact, line.apart, lone(line.values)]),
      state.log,
      state.smoothing > 0,
      state.colours.dark,
    ])
    if (shape !== this.shape || !this.plot) {
      this.shape = shape
      this.plot?.destroy()
      this.plot = state.lines.length ? new uPlot(this.options(state), this.data(state), this.place) : null
    } else this.plot.setData(this.data(state))
  }

  /** Where a line is smoothed, it is drawn twice: faintly as measured, and over it smoothed. */
  private data(state: ChartState): uPlot.AlignedData {
    const apart = apartOf(state.lines)
    const clean = (values: (number | null)[]): (number | null)[] => values.map((v) => (v !== null && v > 0 ? v : null))
    const raw = state.lines.map((line, i) => ({
      step: line.step,
      values: state.log && !apart[i] ? clean(line.values) : line.values,
    }))
    if (state.smoothing <= 0) return onOneAxis(raw)
    const smoothed = state.lines.map((line, i) => ({
      step: line.step,
      values: line.dots || line.exact ? raw[i].values : smooth(raw[i].values, state.smoothing),
    }))
    return onOneAxis([...raw, ...smoothed])
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(60, this.place.clientWidth), height: Math.max(60, this.place.clientHeight) }
  }

  private options(state: ChartState): uPlot.Options {
    const { colours, lines, log, smoothing } = state
    const font = '11px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
    const apart = apartOf(lines)
    const series = (line: ChartLine, faint: boolean, i: number): uPlot.Series => ({
      label: line.name,
      scale: apart[i] ? 'own' : 'y',
      stroke: faint ? mix(line.colour, colours.panel, 0.3) : line.colour,
      width: faint ? 1 : 1.7,
      dash: line.dashed ? [5, 3] : undefined,
      points: { show: (line.dots && line.step.length < 30) || lone(line.values), size: 4, fill: line.colour },
      spanGaps: true,
    })
    const axis: uPlot.Axis = {
      stroke: colours.mute,
      font,
      ticks: { show: false },
      grid: { stroke: colours.grid, width: 1 },
      gap: 4,
    }
    const twice = smoothing > 0
    const numbers: Partial<uPlot.Axis> = {
      size: 44,
      space: 26,
      values: (_, splits) => splits.map((v) => (v === null ? '' : figure(v))),
    }
    const onScale = (plot: uPlot, own: boolean): ArrayLike<number | null | undefined>[] =>
      Array.from(plot.data)
        .slice(1)
        .filter((_, i) => apart[i % lines.length] === own)
    const own = lines.filter((_, i) => apart[i])
    return {
      ...this.size(),
      legend: { show: false },
      padding: [8, own.length ? 4 : 16, 0, 0],
      cursor: { points: { size: 6 }, drag: { x: false, y: false, setScale: false } },
      scales: {
        x: { time: false },
        y: { distr: log ? 3 : 1, range: (plot) => rangeOf(onScale(plot, false), log) },
        ...(own.length ? { own: { range: (plot: uPlot) => rangeOf(onScale(plot, true), false) } } : {}),
      },
      axes: [
        {
          ...axis,
          size: 22,
          space: 56,
          values: (_, splits) =>
            splits.map((v) => (splits[splits.length - 1] >= 10_000 && v ? `${v / 1000}k` : v.toLocaleString('en'))),
        },
        {
          ...axis,
          ...numbers,
          ...(log
            ? {
                splits: (plot: uPlot, _: number, min: number, max: number) =>
                  ticks(min, max, plot.bbox.height / devicePixelRatio),
                filter: (_: uPlot, splits: number[]) => splits,
              }
            : {}),
        },
        ...(own.length
          ? [
              {
                ...axis,
                ...numbers,
                scale: 'own',
                side: 1,
                stroke: own.length === 1 ? own[0].colour : colours.text,
                grid: { show: false },
              } satisfies uPlot.Axis,
            ]
          : []),
      ],
      series: [
        {},
        ...lines.map((line, i) => series(line, twice && !line.dots && !line.exact, i)),
        ...(twice ? lines.map((line, i) => series(line, false, i)) : []),
      ],
      hooks: {
        drawAxes: [(plot) => this.drawMarks(plot)],
        draw: [(plot) => this.drawLabels(plot), (plot) => this.drawCursor(plot)],
        setCursor: [(plot) => this.report(plot)],
        ready: [(plot) => plot.over.addEventListener('click', () => this.pick(plot))],
      },
    }
  }

  private report(plot: uPlot): void {
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
      ctx.strokeStyle = isBad(mark)
        ? colours.bad
        : mark.kind === 'finding'
          ? colours.warn
          : mark.kind === 'revived'
            ? colours.ok
            : colours.mute
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

  /** What was changed by hand is named at its line, as far as there is room. */
  private drawLabels(plot: uPlot): void {
    const { marks, colours } = this.state!
    const { ctx, bbox } = plot
    const size = 10.5 * devicePixelRatio
    ctx.save()
    ctx.font = `${size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`
    ctx.textBaseline = 'top'
    ctx.lineJoin = 'round'
    ctx.lineWidth = 4 * devicePixelRatio
    ctx.strokeStyle = colours.panel
    ctx.fillStyle = colours.text
    const changes = marks
      .filter((mark) => mark.kind === 'set')
      .map((mark) => {
        const text = brief(mark)
        return { text, x: plot.valToPos(mark.step, 'x', true), wide: ctx.measureText(text).width }
      })
    for (const { text, left, row } of labelled(changes, bbox.left, bbox.left + bbox.width, 5 * devicePixelRatio)) {
      const top = bbox.top + 1 + row * 1.25 * size
      ctx.strokeText(text, left, top)
      ctx.fillText(text, left, top)
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

/** Which lines have the axis at the right; where there are no others, none: then the chart's own axis is theirs. */
function apartOf(lines: readonly ChartLine[]): boolean[] {
  return lines.every((line) => line.apart) ? lines.map(() => false) : lines.map((line) => line.apart === true)
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
