import { Delaunay } from 'd3-delaunay'
import type { Colours } from '../lib/theme.svelte'
import { toScreenX, toScreenY, type Camera } from '../scene/camera'
import { MOST_CELLS } from '../scene/layers'
import { mix } from '../scene/palette'
import type { Kin } from '../scene/kin'
import type { Scene } from '../scene/scene'
import { drawTile, type Atlas } from './atlas'
import { Cloud } from './cloud'
import { drawCrowd, MOST_RINGS, onScreen as seenOf } from './density'
import { drawMarks } from './codemarks'
import type { Surface } from './surface'
import { Ways, type Trail } from './ways'

/** Everything that one image of the latent space is made from. Positions are in latent coordinates. */
export interface Image {
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
  probe: { atlas: Atlas; places: Float32Array } | null // the fixed images, drawn where they lie
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

const dots = new Cloud()
const ways = new Ways()

export interface Drawn {
  again: boolean // the next frame should be drawn even if nothing else changes
  crowded: boolean // marks are drawn by density
}

export function drawLatent(to: Surface, camera: Camera, image: Image, theme: Colours, time: number): Drawn {
  const { g, width, height } = to
  g.globalAlpha = 1
  g.fillStyle = theme.canvas
  g.fillRect(0, 0, width, height)
  const x = (v: number): number => toScreenX(camera, width, v)
  const y = (v: number): number => toScreenY(camera, height, v)
  const marks = onScreen(image.marks, x, y)
  if (image.cells && image.scene.ids.length > 1 && image.scene.ids.length <= MOST_CELLS) drawCells(to, marks, image, theme)
  const again =
    image.trails !== null && ways.draw(to, camera, image.trails, marks, image.scene.ids.length, image.focus, theme, time)
  const crowded = image.scene.ids.length > MOST_RINGS && seenOf(marks, width, height) > MOST_RINGS
  if (crowded)
    drawCrowd(to, marks, { dead: image.scene.dead, used: theme.text, unused: image.scene.level < 0 ? theme.mute : theme.bad })
  drawPoints(to, image, theme, x, y)
  drawMarks(to, marks, image, theme, crowded)
  return { again, crowded }
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
function drawCells(to: Surface, marks: Float64Array, image: Image, theme: Colours): void {
  const { g, width, height } = to
  const voronoi = new Delaunay(marks).voronoi([-2, -2, width + 2, height + 2])
  const byTint = new Map<number, Path2D>()
  for (let i = 0; i < image.scene.ids.length; i++) {
    const group = image.markGroup[i] ?? -1
    if (group < 0) continue
    let path = byTint.get(group)
    if (!path) byTint.set(group, (path = new Path2D()))
    voronoi.renderCell(i, path as unknown as CanvasRenderingContext2D)
  }
  for (const [group, path] of byTint) {
    g.fillStyle = mix(image.colours[group % image.colours.length], theme.canvas, theme.dark ? 0.13 : 0.15)
    g.fill(path)
  }
  const borders = new Path2D()
  voronoi.render(borders as unknown as CanvasRenderingContext2D)
  g.lineWidth = 1
  g.strokeStyle = theme.line
  g.stroke(borders)
  if (image.focus !== null && image.focus < image.scene.ids.length) {
    const cell = new Path2D()
    voronoi.renderCell(image.focus, cell as unknown as CanvasRenderingContext2D)
    g.lineWidth = 1.6
    g.strokeStyle = theme.accent
    g.stroke(cell)
  }
}

function drawPoints(to: Surface, image: Image, theme: Colours, x: (v: number) => number, y: (v: number) => number): void {
  const { g, width, height, ratio } = to
  const { points, group, colours, focus, fresh, gone, probe, hidden } = image
  const kin = focus === null ? image.kin : null
  const owner = image.scene.owner
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
