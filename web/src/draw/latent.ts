import { Delaunay } from 'd3-delaunay'
import type { Colours } from '../lib/theme.svelte'
import { toScreenX, toScreenY, type Camera } from '../scene/camera'
import { MOST_CELLS, MOST_NUMBERS } from '../scene/layers'
import { mix } from '../scene/palette'
import type { Kin } from '../scene/kin'
import type { Scene } from '../scene/scene'
import { drawTile, type Atlas } from './atlas'
import { Cloud } from './cloud'
import { Labels } from './labels'
import type { Surface } from './surface'
import { Ways, type Trail } from './ways'

/** Everything that one picture of the latent space is made from. Positions are in latent coordinates. */
export interface Picture {
  scene: Scene
  points: Float32Array
  marks: Float32Array
  colours: string[] // of groups
  group: ArrayLike<number> | null // per point, row of `colours`; -1 = none
  markGroup: ArrayLike<number> // per mark
  trails: Trail | null
  flash: Map<number, number> // mark -> 1 (just revived) .. 0
  tiles: Atlas | null
  tileOf: number
  probe: { atlas: Atlas; places: Float32Array } | null // the fixed pictures, drawn where they lie
  hidden: Set<number> // groups whose points are left out
  fresh: { rows: number; share: number } // the first rows are new and this far in
  gone: Gone | null // points that have just left the window
  focus: number | null // the mark under the pointer, or pinned
  kin: Kin | null // what belongs to a pin of another view; a focus goes before it
  cells: boolean
  labels: boolean
}

export interface Gone {
  points: Float32Array
  group: ArrayLike<number> | null
  colours: string[]
}

const labels = new Labels()
const dots = new Cloud()
const ways = new Ways()

/** True where the next frame should be drawn even if nothing else changes. */
export function drawLatent(to: Surface, camera: Camera, picture: Picture, theme: Colours, time: number): boolean {
  const { g, width, height } = to
  g.globalAlpha = 1
  g.fillStyle = theme.canvas
  g.fillRect(0, 0, width, height)
  const x = (v: number): number => toScreenX(camera, width, v)
  const y = (v: number): number => toScreenY(camera, height, v)
  const marks = onScreen(picture.marks, x, y)
  if (picture.cells && picture.scene.ids.length > 1 && picture.scene.ids.length <= MOST_CELLS) drawCells(to, marks, picture, theme)
  const again = picture.trails !== null && ways.draw(to, camera, picture.trails, marks, picture.scene.ids.length, picture.focus, theme, time)
  drawPoints(to, picture, theme, x, y)
  drawMarks(to, marks, picture, theme)
  return again
}

function onScreen(places: Float32Array, x: (v: number) => number, y: (v: number) => number): Float64Array {
  const out = new Float64Array(places.length)
  for (let i = 0; i < places.length; i += 2) {
    out[i] = x(places[i])
    out[i + 1] = y(places[i + 1])
  }
  return out
}

/** The region that each mark claims, tinted by the class that most of its points have; all borders in one stroke. */
function drawCells(to: Surface, marks: Float64Array, picture: Picture, theme: Colours): void {
  const { g, width, height } = to
  const voronoi = new Delaunay(marks).voronoi([-2, -2, width + 2, height + 2])
  const byTint = new Map<number, Path2D>()
  for (let i = 0; i < picture.scene.ids.length; i++) {
    const group = picture.markGroup[i] ?? -1
    if (group < 0) continue
    let path = byTint.get(group)
    if (!path) byTint.set(group, (path = new Path2D()))
    voronoi.renderCell(i, path as unknown as CanvasRenderingContext2D)
  }
  for (const [group, path] of byTint) {
    g.fillStyle = mix(picture.colours[group % picture.colours.length], theme.canvas, theme.dark ? 0.13 : 0.15)
    g.fill(path)
  }
  const borders = new Path2D()
  voronoi.render(borders as unknown as CanvasRenderingContext2D)
  g.lineWidth = 1
  g.strokeStyle = theme.line
  g.stroke(borders)
  if (picture.focus !== null && picture.focus < picture.scene.ids.length) {
    const cell = new Path2D()
    voronoi.renderCell(picture.focus, cell as unknown as CanvasRenderingContext2D)
    g.lineWidth = 1.6
    g.strokeStyle = theme.accent
    g.stroke(cell)
  }
}

function drawPoints(to: Surface, picture: Picture, theme: Colours, x: (v: number) => number, y: (v: number) => number): void {
  const { g, width, height, ratio } = to
  const { points, group, colours, focus, fresh, gone, probe, hidden } = picture
  const kin = focus === null ? picture.kin : null
  const owner = picture.scene.owner
  const count = points.length / 2
  const radius = count > 4000 ? 1.6 : count > 1500 ? 2.1 : 2.7
  const none = dots.tone(theme.mute, theme.canvas, theme.text)
  const full = probe ? 0.35 : 0.92
  dots.begin(to.canvas.width, to.canvas.height, radius, ratio)
  if (gone) cloud(gone.points, gone.group, gone.colours, (1 - fresh.share) * full * (focus === null && !kin ? 1 : 0.16), 0)
  cloud(points, group, colours, full, fresh.rows)
  dots.draw(g)
  if (probe) for (let p = 0; p < probe.places.length / 2; p++) thumb(p)
  g.globalAlpha = 1

  function cloud(places: Float32Array, groups: ArrayLike<number> | null, tones: string[], alpha: number, isFresh: number): void {
    const looks = tones.map((colour) => dots.tone(colour, theme.canvas, theme.text))
    for (let p = 0; p < places.length / 2; p++) {
      const px = x(places[2 * p])
      const py = y(places[2 * p + 1])
      if (!(px > -8 && py > -8 && px < width + 8 && py < height + 8)) continue
      const which = groups ? groups[p] : 0
      if (hidden.has(which)) continue
      let a = p < isFresh ? alpha * fresh.share : alpha
      if (places === points) {
        if (focus !== null && owner) a *= owner[p] === focus ? 1 : 0.16
        else if (kin) a *= kin.points[p] ? 1 : 0.16
      }
      dots.dot(px * ratio, py * ratio, which < 0 ? none : looks[which % looks.length], a)
    }
  }

  function thumb(p: number): void {
    const tile = 20
    const px = x(probe!.places[2 * p]) - tile / 2
    const py = y(probe!.places[2 * p + 1]) - tile / 2
    if (!(px > -tile && py > -tile && px < width && py < height)) return
    g.globalAlpha = 0.9
    drawTile(g, probe!.atlas, p, px, py, tile, tile)
  }
}

/** The places that numbers have taken; few enough to be compared one by one. */
class Taken {
  private readonly boxes: number[] = []

  keep(x: number, y: number, wide: number, high: number): void {
    this.boxes.push(x, y, wide, high)
  }

  claim(x: number, y: number, wide: number, high: number): boolean {
    const { boxes } = this
    for (let i = 0; i < boxes.length; i += 4) {
      if (x < boxes[i] + boxes[i + 2] && boxes[i] < x + wide && y < boxes[i + 1] + boxes[i + 3] && boxes[i + 1] < y + high) return false
    }
    this.keep(x, y, wide, high)
    return true
  }
}

function drawMarks(to: Surface, marks: Float64Array, picture: Picture, theme: Colours): void {
  const { g, width, height } = to
  const { scene, focus } = picture
  const count = scene.ids.length
  const combos = scene.level < 0
  const radius = combos ? (count > 400 ? 2.5 : 3.5) : count <= 40 ? 8.5 : count <= 128 ? 7 : count <= 600 ? 3.5 : 2
  const numbers = picture.labels && !combos && count <= MOST_NUMBERS
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
    const free = picture.tiles ? taken.claim(px + 16, py - 9 - size / 2, 0.65 * size * String(scene.ids[i]).length, size) : taken.claim(px - r, py - r, 2 * r, 2 * r)
    hasNumber[i] = free ? 1 : 0
  }
  const side = count <= 40 ? 28 : 20 // of a code that is drawn as its picture
  if (numbers && picture.tiles) for (let i = 0; i < count; i++) if (!scene.dead[i] && seen(i)) taken.keep(marks[2 * i] - side / 2, marks[2 * i + 1] - side / 2, side, side)
  if (focus !== null && focus < count) claim(focus)
  for (let i = 0; i < count; i++) claim(i)

  const crosses = new Path2D()
  const discs = new Path2D()
  const small = numbers ? new Path2D() : discs
  const live: number[] = []
  for (let i = 0; i < count; i++) {
    if (!seen(i)) continue
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
      if (picture.tiles) continue
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
  if (picture.tiles) for (const i of live) picturedMark(i)
  g.lineWidth = 2.2
  g.strokeStyle = theme.bad
  g.stroke(crosses)

  if (numbers) {
    for (const i of live) {
      if (!hasNumber[i]) continue
      const label = labels.label(String(scene.ids[i]), size, theme.text, to.ratio)
      const wide = label.width / to.ratio
      const high = label.height / to.ratio
      const left = picture.tiles ? marks[2 * i] + 16 : marks[2 * i] - wide / 2
      const top = (picture.tiles ? marks[2 * i + 1] - 9 : marks[2 * i + 1]) - high / 2
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
      if (taken.claim(marks[2 * i] + 9, marks[2 * i + 1] - size / 2, 0.65 * size * text.length, size)) g.fillText(text, marks[2 * i] + 9, marks[2 * i + 1])
    }
  }
  for (const [i, strength] of picture.flash) ring(i, radius + 4 + 22 * (1 - strength), strength, theme.ok)
  if (focus === null && picture.kin) for (let i = 0; i < count; i++) if (picture.kin.marks[i] && seen(i)) ring(i, (picture.tiles ? 17 : radius) + 3, 1, theme.accent)
  if (focus !== null && focus < count) ring(focus, (picture.tiles ? 17 : radius) + 4, 1, theme.accent)

  function picturedMark(i: number): void {
    const px = marks[2 * i] - side / 2
    const py = marks[2 * i + 1] - side / 2
    g.fillStyle = theme.text
    g.fillRect(px - 1.5, py - 1.5, side + 3, side + 3)
    drawTile(g, picture.tiles!, picture.tileOf + scene.ids[i], px, py, side, side)
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
