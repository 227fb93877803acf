import type { Colours } from '../lib/theme.svelte'
import { MOST_NUMBERS } from '../scene/layers'
import { drawTile } from './atlas'
import { Labels } from './labels'
import type { Image } from './latent'
import type { Surface } from './surface'

const labels = new Labels()

/** Of a crowd of codes more revivals than these at once are no single events any more: the usage shows them. */
const MOST_FLASHES = 40

/** The places that numbers have taken; few enough to be compared one by one. */
class Taken {
  private readonly boxes: number[] = []

  keep(x: number, y: number, wide: number, high: number): void {
    this.boxes.push(x, y, wide, high)
  }

  claim(x: number, y: number, wide: number, high: number): boolean {
    const { boxes } = this
    for (let i = 0; i < boxes.length; i += 4) {
      if (x < boxes[i] + boxes[i + 2] && boxes[i] < x + wide && y < boxes[i + 1] + boxes[i + 3] && boxes[i + 1] < y + high)
        return false
    }
    this.keep(x, y, wide, high)
    return true
  }
}

/** Codes as discs with their numbers, unused ones as crosses; of a crowd, which is drawn by density, only what is lit. */
export function drawMarks(to: Surface, marks: Float64Array, image: Image, theme: Colours, crowded: boolean): void {
  const { g, width, height } = to
  const { scene, focus } = image
  const count = scene.ids.length
  const combos = scene.level < 0
  const radius = combos ? (count > 400 ? 2.5 : 3.5) : count <= 40 ? 8.5 : count <= 128 ? 7 : 3.5
  const numbers = image.labels && !combos && count <= MOST_NUMBERS
  const size = count <= 40 ? 9.5 : 8
  const seen = (i: number): boolean =>
    marks[2 * i] > -40 && marks[2 * i] < width + 40 && marks[2 * i + 1] > -40 && marks[2 * i + 1] < height + 40

  // Where codes crowd, one whose number would cover another is a small disc without: hovering or zooming in shows it.
  const taken = new Taken()
  const hasNumber = new Uint8Array(count)
  const claim = (i: number): void => {
    if (!numbers || scene.dead[i] || !seen(i) || hasNumber[i]) return
    const [px, py] = [marks[2 * i], marks[2 * i + 1]]
    const r = radius - 1
    const free = image.tiles
      ? taken.claim(px + 16, py - 9 - size / 2, 0.65 * size * String(scene.ids[i]).length, size)
      : taken.claim(px - r, py - r, 2 * r, 2 * r)
    hasNumber[i] = free ? 1 : 0
  }
  const side = count <= 40 ? 28 : 20 // of a code that is drawn as its image
  if (numbers && image.tiles)
    for (let i = 0; i < count; i++)
      if (!scene.dead[i] && seen(i)) taken.keep(marks[2 * i] - side / 2, marks[2 * i + 1] - side / 2, side, side)
  if (focus !== null && focus < count) claim(focus)
  for (let i = 0; i < count; i++) claim(i)

  const crosses = new Path2D()
  const discs = new Path2D()
  const small = numbers ? new Path2D() : discs
  const live: number[] = []
  for (let i = 0; i < count; i++) {
    if (crowded || !seen(i)) continue
    const px = marks[2 * i]
    const py = marks[2 * i + 1]
    if (scene.dead[i]) {
      if (combos) {
        discs.moveTo(px + 1, py) // a pair that nothing uses: a small ring
        discs.arc(px, py, 1, 0, 2 * Math.PI)
        continue
      }
      const r = Math.max(2.5, radius * 0.7)
      crosses.moveTo(px - r, py - r)
      crosses.lineTo(px + r, py + r)
      crosses.moveTo(px + r, py - r)
      crosses.lineTo(px - r, py + r)
    } else {
      live.push(i)
      if (image.tiles) continue
      const [path, r] = numbers && !hasNumber[i] ? [small, 3.5] : [discs, radius]
      path.moveTo(px + r, py)
      path.arc(px, py, r, 0, 2 * Math.PI)
    }
  }
  g.lineWidth = count <= 600 ? 1.8 : 1
  g.fillStyle = theme.canvas
  g.strokeStyle = theme.text
  for (const path of new Set([small, discs])) {
    g.fill(path)
    g.stroke(path)
  }
  if (image.tiles) for (const i of live) imagedMark(i)
  g.lineWidth = 2.2
  g.strokeStyle = theme.bad
  g.stroke(crosses)

  if (numbers) {
    for (const i of live) {
      if (!hasNumber[i]) continue
      const label = labels.label(String(scene.ids[i]), size, theme.text, to.ratio)
      const wide = label.width / to.ratio
      const high = label.height / to.ratio
      const left = image.tiles ? marks[2 * i] + 16 : marks[2 * i] - wide / 2
      const top = (image.tiles ? marks[2 * i + 1] - 9 : marks[2 * i + 1]) - high / 2
      g.drawImage(label, left, top, wide, high)
    }
    g.font = `600 ${size}px system-ui, sans-serif`
    g.textBaseline = 'middle'
    g.fillStyle = theme.bad
    g.textAlign = 'left'
    const dead = scene.dead.reduce((n, one) => n + one, 0)
    const crossed = dead <= 16 ? Array.from(scene.ids.keys()).filter((i) => scene.dead[i] && seen(i)) : []
    for (const i of crossed) taken.keep(marks[2 * i] - 6, marks[2 * i + 1] - 6, 12, 12)
    for (const i of crossed) {
      const text = String(scene.ids[i])
      if (taken.claim(marks[2 * i] + 9, marks[2 * i + 1] - size / 2, 0.65 * size * text.length, size))
        g.fillText(text, marks[2 * i] + 9, marks[2 * i + 1])
    }
  }
  if (!crowded || image.flash.size <= MOST_FLASHES)
    for (const [i, strength] of image.flash) ring(i, radius + 4 + 22 * (1 - strength), strength, theme.ok)
  if (focus === null && image.kin)
    for (let i = 0; i < count; i++) if (image.kin.marks[i] && seen(i)) ring(i, (image.tiles ? 17 : radius) + 3, 1, theme.accent)
  if (focus !== null && focus < count) ring(focus, (image.tiles ? 17 : radius) + 4, 1, theme.accent)

  function imagedMark(i: number): void {
    const px = marks[2 * i] - side / 2
    const py = marks[2 * i + 1] - side / 2
    g.fillStyle = theme.text
    g.fillRect(px - 1.5, py - 1.5, side + 3, side + 3)
    drawTile(g, image.tiles!, image.tileOf + scene.ids[i], px, py, side, side)
  }

  function ring(i: number, r: number, alpha: number, colour: string): void {
    g.globalAlpha = alpha
    g.lineWidth = 2
    g.strokeStyle = colour
    g.beginPath()
    g.arc(marks[2 * i], marks[2 * i + 1], r, 0, 2 * Math.PI)
    g.stroke()
    g.globalAlpha = 1
  }
}
