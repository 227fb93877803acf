import type { Colours } from '../lib/theme.svelte'
import { toScreenX, toScreenY, type Camera } from '../scene/camera'
import { MOST_WAYS, WAYS_AT_ONCE } from '../scene/layers'
import type { Surface } from './surface'

export interface Trail {
  places: Float32Array[]
  revived: (Int32Array | null)[]
  steps: number[]
  from: number // first code of the level within a position array
}

const BANDS = 3
const AGED = 500 // ms until what has been added since is drawn into the layer
const MOVED = 120 // ms for which a moving camera may stretch the layer that there is

/**
 * The way that each code has come, the older the fainter; a revival is a jump, not a way.
 *
 * Thousands of short lines take longer to paint than all else together, and hardly change from frame to frame: they are
 * kept as an image of their own, and only what came after it was made is drawn anew each time.
 */
export class Ways {
  private readonly canvas = document.createElement('canvas')
  private readonly g = this.canvas.getContext('2d')!
  private key = ''
  private camera: Camera | null = null
  private step = -1 // the last that is in the image
  private count = 0 // of the places in it
  private made = 0

  /** True where the image is behind: the next frame should be drawn even if nothing else changes. */
  draw(
    to: Surface,
    camera: Camera,
    trail: Trail,
    marks: Float64Array,
    codes: number,
    focus: number | null,
    theme: Colours,
    time: number,
  ): boolean {
    const alone = focus !== null && focus < codes
    if (!trail.places.length || codes > MOST_WAYS || (!alone && codes > WAYS_AT_ONCE)) return false
    const newest = trail.steps[trail.steps.length - 1]
    const key = [to.canvas.width, to.canvas.height, to.ratio, trail.from, codes, focus, theme.canvas, theme.text].join()
    const moved =
      this.camera === null || camera.x !== this.camera.x || camera.y !== this.camera.y || camera.scale !== this.camera.scale
    const age = time - this.made
    // Frames of the history that come late fill the way up behind what is drawn.
    const filled = upTo(trail, this.step) !== this.count
    if (key !== this.key || newest < this.step || ((moved || filled) && age > MOVED) || (newest > this.step && age > AGED)) {
      this.paint(to, camera, trail, codes, focus, theme)
      Object.assign(this, { key, camera, step: newest, made: time, count: trail.places.length })
    }
    const old = this.made !== time && (moved || filled)
    const { g, width, height } = to
    const k = camera.scale / this.camera!.scale
    const left = width / 2 + (this.camera!.x - camera.x) * camera.scale - (k * width) / 2
    const top = height / 2 - (this.camera!.y - camera.y) * camera.scale - (k * height) / 2
    g.drawImage(this.canvas, left, top, k * width, k * height)
    const begin = Math.max(1, upTo(trail, this.step))
    style(g, BANDS - 1, codes, focus, theme)
    g.beginPath()
    for (let code = 0; code < codes; code++) {
      if (alone && code !== focus) continue
      way(g, to, camera, trail, code, begin, trail.places.length, 1)
      g.lineTo(marks[2 * code], marks[2 * code + 1])
    }
    g.stroke()
    g.globalAlpha = 1
    return old
  }

  private paint(to: Surface, camera: Camera, trail: Trail, codes: number, focus: number | null, theme: Colours): void {
    const { canvas, g } = this
    if (canvas.width !== to.canvas.width || canvas.height !== to.canvas.height) {
      canvas.width = to.canvas.width
      canvas.height = to.canvas.height
    }
    g.setTransform(to.ratio, 0, 0, to.ratio, 0, 0)
    g.clearRect(0, 0, to.width, to.height)
    const length = trail.places.length
    const every = Math.max(1, Math.ceil((length * codes) / 9000))
    const alone = focus !== null && focus < codes
    for (let band = alone ? BANDS - 1 : 0; band < BANDS; band++) {
      const begin = alone ? 0 : Math.floor((length * band) / BANDS)
      const end = Math.floor((length * (band + 1)) / BANDS)
      style(g, band, codes, focus, theme)
      g.beginPath()
      for (let code = 0; code < codes; code++) if (!alone || code === focus) way(g, to, camera, trail, code, begin, end, every)
      g.stroke()
    }
    g.globalAlpha = 1
  }
}

/** How many of its places are of steps up to this one. */
function upTo(trail: Trail, step: number): number {
  let count = trail.steps.length
  while (count > 0 && trail.steps[count - 1] > step) count--
  return count
}

function style(g: CanvasRenderingContext2D, band: number, codes: number, focus: number | null, theme: Colours): void {
  const alone = focus !== null && focus < codes
  g.lineWidth = 1.25
  g.lineJoin = 'round'
  g.strokeStyle = alone ? theme.accent : theme.text
  g.globalAlpha = alone ? 0.85 : (0.16 + 0.15 * band) * (codes <= 24 ? 1 : 0.55) * (theme.dark ? 1 : 1.1)
}

function way(
  g: CanvasRenderingContext2D,
  to: Surface,
  camera: Camera,
  trail: Trail,
  code: number,
  begin: number,
  end: number,
  every: number,
): void {
  const at = 2 * (trail.from + code)
  let lastX = 0
  let lastY = 0
  let pen = false
  const first = Math.max(0, begin - every)
  for (let t = first; t < end; t = t < end - 1 ? Math.min(t + every, end - 1) : end) {
    const places = trail.places[t]
    const x = toScreenX(camera, to.width, places[at])
    const y = toScreenY(camera, to.height, places[at + 1])
    const revived = trail.revived[t]?.[trail.from + code] ?? -1
    const jumped = t > first && revived > trail.steps[Math.max(0, t - every)]
    if (!pen || jumped) g.moveTo(x, y)
    else if (Math.abs(x - lastX) + Math.abs(y - lastY) < 1) continue
    else g.lineTo(x, y)
    pen = true
    lastX = x
    lastY = y
  }
}
