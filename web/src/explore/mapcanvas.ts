import { Cloud } from '../draw/cloud'
import { counters, draw, undraw } from '../draw/loop'
import { surface, type Surface } from '../draw/surface'
import type { Colours } from '../lib/theme.svelte'
import { boxOf, fit, toScreenX, toScreenY, zoomAt, type Camera } from '../scene/camera'
import { classColours } from '../scene/palette'
import { nearestIn, placesOf, type Places } from './places'

export interface MapLook {
  colours: Colours
  hidden: ReadonlySet<number> // labels
  ringed: readonly number[] // rows: the nearest images, what was found
  hovered: number | null
  chosen: number | null
}

const REACH = 14 // px
const MANY = 6000 // dots, from which on each is smaller

/** The data set as dots: looked at from anywhere, with the dot under the pointer known at once. */
export class MapCanvas {
  camera: Camera = { x: 0, y: 0, scale: 1 }
  moved = false // someone chose the camera
  private readonly to: Surface & { end(): void }
  private readonly cloud = new Cloud()
  private places: Places = placesOf(new Float32Array(0))
  private labels: Int16Array = new Int16Array(0)
  private palette: string[] = []
  private look: MapLook
  private drawnOf: readonly unknown[] = [] // what the cloud shows
  private readonly paint = (): void => this.draw()

  constructor(canvas: HTMLCanvasElement, look: MapLook) {
    this.look = look
    this.to = surface(
      canvas,
      () => {
        if (!this.moved) this.fit()
        draw(this.paint)
      },
      true,
    )
  }

  end(): void {
    this.to.end()
    undraw(this.paint)
  }

  set(look: MapLook): void {
    this.look = look
    draw(this.paint)
  }

  take(points: Float32Array, labels: Int16Array, classes: number): void {
    this.places = placesOf(points)
    this.labels = labels
    this.palette = classColours(Math.max(1, classes))
    if (!this.moved) this.fit()
    draw(this.paint)
  }

  fit(): void {
    this.moved = false
    const box = this.to?.width ? boxOf(this.places.points, new Float32Array(0), new Uint8Array(0)) : null
    if (box) this.camera = fit(box, this.to.width, this.to.height)
    draw(this.paint)
  }

  place(camera: Camera): void {
    this.moved = true
    this.camera = camera
    draw(this.paint)
  }

  pan(dx: number, dy: number): void {
    this.place({ ...this.camera, x: this.camera.x - dx / this.camera.scale, y: this.camera.y + dy / this.camera.scale })
  }

  zoom(px: number, py: number, factor: number): void {
    this.place(zoomAt(this.camera, this.to.width, this.to.height, px, py, factor))
  }

  /** The row of the dot at a pixel; null where none is within reach. */
  rowAt(px: number, py: number): number | null {
    const { camera, to } = this
    const x = (px - to.width / 2) / camera.scale + camera.x
    const y = camera.y - (py - to.height / 2) / camera.scale
    return nearestIn(this.places, x, y, REACH / camera.scale, (i) => !this.look.hidden.has(this.labels[i]))
  }

  screen(row: number): [number, number] {
    const { points } = this.places
    return [toScreenX(this.camera, this.to.width, points[2 * row]), toScreenY(this.camera, this.to.height, points[2 * row + 1])]
  }

  get size(): [number, number] {
    return [this.to.width, this.to.height]
  }

  /** All dots into the cloud. */
  private lay(): void {
    const { to, look, camera, labels, palette } = this
    const { points } = this.places
    this.cloud.begin(to.canvas.width, to.canvas.height, labels.length > MANY ? 1.5 : 2.4, to.ratio)
    const tones = palette.map((colour) => this.cloud.tone(colour, look.colours.canvas, look.colours.text))
    const grey = this.cloud.tone('#3f90da', look.colours.canvas, look.colours.text)
    const [kx, ky] = [camera.scale * to.ratio, -camera.scale * to.ratio]
    const [ox, oy] = [to.canvas.width / 2 - camera.x * kx, to.canvas.height / 2 - camera.y * ky]
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]
      if (look.hidden.has(label)) continue
      this.cloud.dot(points[2 * i] * kx + ox, points[2 * i + 1] * ky + oy, label >= 0 ? tones[label] : grey, 0.85)
    }
  }

  private draw(): void {
    const { to, look, camera, labels } = this
    const { points } = this.places
    if (!to.width || !look.colours.canvas) return
    to.g.fillStyle = look.colours.canvas
    to.g.fillRect(0, 0, to.width, to.height)
    const of = [points, labels, camera, look.hidden, look.colours, to.canvas.width, to.canvas.height]
    if (of.some((one, i) => one !== this.drawnOf[i])) {
      this.drawnOf = of
      this.lay()
      this.cloud.draw(to.g)
    } else this.cloud.again(to.g) // a dot is hovered: twenty thousand others are where they were
    for (const row of look.ringed) this.ring(row, 6, look.colours.text, 1.5)
    if (look.chosen !== null) this.ring(look.chosen, 8, look.colours.accent, 2.5)
    if (look.hovered !== null) this.ring(look.hovered, 7, look.colours.text, 2)
    counters.drawn += 1
    counters.lastDrawn = performance.now()
    counters.shown = { ...counters.shown, points: labels.length }
  }

  private ring(row: number, radius: number, colour: string, width: number): void {
    const [x, y] = this.screen(row)
    const { g } = this.to
    g.strokeStyle = colour
    g.lineWidth = width
    g.beginPath()
    g.arc(x, y, radius, 0, 2 * Math.PI)
    g.stroke()
  }
}
