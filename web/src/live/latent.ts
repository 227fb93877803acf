import { atlasOf, type Atlas } from '../draw/atlas'
import { drawLatent, type Gone } from '../draw/latent'
import { counters, draw, undraw } from '../draw/loop'
import { surface } from '../draw/surface'
import type { Trail } from '../draw/ways'
import type { Frame } from '../lib/frame'
import type { Colours } from '../lib/theme.svelte'
import { kinOf, type Kin, type Pin } from '../scene/kin'
import { MOST_NUMBERS } from '../scene/layers'
import { classColours, codeColours } from '../scene/palette'
import { majority, makeScene, type Scene, type Shown } from '../scene/scene'
import { Rhythm, Tween } from '../scene/tween'
import { shiftBetween } from '../scene/window'
import { pointNear } from './hovered'
import type { Stage } from './stage'
import { Viewpoint, type Sight } from './viewpoint'
import type { Trails } from '../scene/trails'

export interface Options {
  shown: Shown
  residualLevel: number
  cells: boolean
  trails: boolean
  labels: boolean
  images: boolean
  probe: boolean
  byCode: boolean
  focus: number | null
  pin: Pin | null
  hidden: Set<number> // classes whose points are left out
  still: boolean
  colours: Colours
}

const FLASH = 1400
const VIEW_MOVE = 450

/** The latent canvas: takes frames from the stage, keeps their motion, and draws when one of them changed. */
export class LatentCanvas implements Sight {
  scene: Scene | null = null
  readonly view = new Viewpoint(this)
  crowded = false // its marks are drawn by density
  private options: Options
  private readonly to
  private readonly points = new Tween()
  private readonly marks = new Tween()
  private readonly rhythm = new Rhythm()
  private readonly unlisten: () => void
  private group: ArrayLike<number> | null = null
  private markGroup: ArrayLike<number> = []
  private palette: string[] = []
  private flashes = new Map<number, number>()
  private tiles: { frame: Frame; atlas: Atlas | null } | null = null
  private thumbs: { frame: Frame; atlas: Atlas | null } | null = null
  private taken = ''
  private raw: { points: Float32Array; labels: Int16Array | null } = { points: new Float32Array(0), labels: null }
  private gone: Gone | null = null
  private came = { rows: 0, begun: 0, length: 1 }
  private kin: Kin | null = null
  private trailCut = 0
  private trailVersion = -1
  private trail: Trail | null = null
  readonly paint = (time: number): boolean => this.draw(time)

  constructor(
    canvas: HTMLCanvasElement,
    private readonly stage: Stage,
    private readonly trails: Trails,
    options: Options,
    private readonly changed: (what: 'scene' | 'camera') => void,
  ) {
    this.options = options
    this.to = surface(
      canvas,
      () => {
        if (this.view.auto) this.view.frameAll(0)
        draw(this.paint)
      },
      true,
    )
    this.unlisten = stage.listen((what) => (what === 'motion' ? this.take() : draw(this.paint)))
    if (stage.motion) this.take()
  }

  end(): void {
    this.unlisten()
    this.to.end()
    undraw(this.paint)
  }

  set(options: Options): void {
    const before = this.options
    this.options = options
    const other = before.shown !== options.shown || before.residualLevel !== options.residualLevel
    if (other || before.byCode !== options.byCode) this.take(true)
    this.findKin()
    draw(this.paint)
  }

  /** Take the newest frame of the stage, or look at the same one in another way. */
  private take(otherView = false): void {
    const frame = this.stage.motion
    if (!frame) return
    const { step, channel } = frame.header
    const same = `${channel} ${step} ${frame.shapes.get('points')}`
    if (!otherView && this.scene && same === this.taken) return // a paused run sends the same image again and again
    this.taken = same
    const before = this.scene
    const scene = makeScene(frame, this.options.shown, this.options.residualLevel)
    if (!scene) return
    this.scene = scene
    const time = performance.now()
    const length = this.options.still ? 0 : otherView ? VIEW_MOVE : this.rhythm.beat(time)
    this.noteRevivals(before, scene, time, channel === 'timeline' ? Math.max(5, step / 40) : Infinity)
    this.movePoints(before, scene, time, length, otherView)
    this.colour(scene, frame.header.view.classes)
    this.findKin()
    const alike = before !== null && before.key === scene.key
    this.marks.aim(scene.marks, time, length, alike ? (i) => (this.flashes.get(i) === time ? -1 : i) : null)
    this.view.follow(otherView)
    this.trailVersion = -1
    this.changed('scene')
    draw(this.paint)
  }

  private findKin(): void {
    this.kin = this.scene && this.stage.motion ? kinOf(this.scene, this.stage.motion, this.options.pin) : null
  }

  /** Points that stay move, points that came fade in where they are, points that left fade out where they were. */
  private movePoints(before: Scene | null, scene: Scene, time: number, length: number, otherView: boolean): void {
    const reach = (0.05 * Math.min(this.to.width, this.to.height)) / this.view.camera.scale
    const tolerance = this.stage.motion!.header.view.kind === 'plane' ? reach / 5000 : reach
    const shift = !before ? null : scene.stable || otherView ? 0 : shiftBetween(this.raw, this.rawOf(scene), tolerance)
    if (before && !otherView && length > 0 && shift !== 0) {
      const cut = shift === null ? 0 : Math.max(0, before.points.length / 2 - shift)
      this.gone = {
        points: this.points.at(time).slice(2 * cut),
        group: this.group ? Array.from(this.group).slice(cut) : null,
        colours: this.palette,
      }
    } else if (!otherView && shift !== 0) this.gone = null
    if (shift !== 0 || otherView)
      this.came = { rows: shift ?? scene.points.length / 2, begun: time, length: Math.max(length, 120) }
    if (otherView) this.gone = null
    this.raw = this.rawOf(scene)
    this.points.aim(scene.points, time, length, shift === null ? null : (row) => row - shift)
  }

  private rawOf(scene: Scene): { points: Float32Array; labels: Int16Array | null } {
    return { points: this.stage.motion!.f4('points')!, labels: scene.labels }
  }

  /** A ring for each code that was revived since the scene before; in the history, where one may jump far, `recent` steps ago at most. */
  private noteRevivals(before: Scene | null, scene: Scene, time: number, recent: number): void {
    if (!before || before.key !== scene.key) this.flashes.clear()
    else if (scene.revived && before.revived) {
      for (let i = 0; i < scene.ids.length; i++)
        if (scene.revived[i] > before.revived[i] && this.stage.motion!.header.step - scene.revived[i] <= recent)
          this.flashes.set(i, time)
    }
  }

  private colour(scene: Scene, classes: string[]): void {
    const named = labelled(scene)
    const byCode = (this.options.byCode || !named) && scene.owner !== null
    if (byCode) {
      this.palette = codeColours(Math.min(4096, scene.ids.length))
      this.group = scene.owner
      this.markGroup = Int32Array.from({ length: scene.ids.length }, (_, i) => (scene.dead[i] ? -1 : i))
    } else {
      this.palette = named ? classColours(Math.max(classes.length, 1 + max(scene.labels!))) : classColours(1)
      this.group = named ? scene.labels : null
      this.markGroup = majority(scene.owner, named ? scene.labels : null, scene.ids.length)
    }
  }

  get still(): boolean {
    return this.options.still
  }

  get seen(): (row: number) => boolean {
    const labels = this.scene && labelled(this.scene) && !this.options.byCode ? this.scene.labels : null
    return (row) => !labels || !this.options.hidden.has(labels[row])
  }

  moved(): void {
    this.changed('camera')
  }

  /** Bring a mark into view that lies outside. */
  reveal(mark: number): void {
    this.view.reveal(this.scene!.marks[2 * mark], this.scene!.marks[2 * mark + 1])
  }

  /** Where every mark lies, in pixels. */
  get places(): Float64Array {
    const out = new Float64Array(this.marks.now.length)
    for (let i = 0; i < out.length / 2; i++) [out[2 * i], out[2 * i + 1]] = this.screen(i)
    return out
  }

  /** The mark within reach of a pixel. */
  markAt(px: number, py: number): number | null {
    let best: number | null = null
    let least = 16 ** 2
    for (let i = 0; i < this.marks.now.length / 2; i++) {
      const [x, y] = this.screen(i)
      const d = (x - px) ** 2 + (y - py) ** 2
      if (d < least) {
        least = d
        best = i
      }
    }
    return best
  }

  /** The data point within reach of a pixel. */
  pointAt(px: number, py: number): number | null {
    return this.scene ? pointNear(this.points.now, this.view.camera, this.size, px, py, this.seen) : null
  }

  screenOfPoint(row: number): [number, number] {
    return this.view.screen(this.points.now[2 * row], this.points.now[2 * row + 1])
  }

  screen(mark: number): [number, number] {
    return this.view.screen(this.marks.now[2 * mark], this.marks.now[2 * mark + 1])
  }

  get size(): [number, number] {
    return [this.to.width, this.to.height]
  }

  get classColours(): string[] {
    return this.palette
  }

  private currentTrail(scene: Scene): Trail | null {
    if (!this.options.trails || scene.level < 0 || !this.stage.motion || this.stage.motion.header.view.fixed) return null
    const cut = this.stage.motion.header.step
    if (this.trailVersion !== this.trails.version || this.trailCut !== cut || !this.trail) {
      this.trailVersion = this.trails.version
      this.trailCut = cut
      this.trail = { ...this.trails.until(cut), from: scene.level * scene.perLevel }
    }
    return this.trail
  }

  private draw(time: number): boolean {
    const { scene, options } = this
    if (!this.to.width || !options.colours.canvas) return false
    if (!scene) {
      this.to.g.fillStyle = options.colours.canvas
      this.to.g.fillRect(0, 0, this.to.width, this.to.height)
      return false
    }
    this.view.advance(time)
    const flash = new Map<number, number>()
    for (const [mark, begun] of this.flashes) {
      const left = 1 - (time - begun) / FLASH
      if (left > 0) flash.set(mark, Math.min(1, left))
      else this.flashes.delete(mark)
    }
    const fade = options.still ? 1 : Math.min(1, Math.max(0, (time - this.came.begun) / this.came.length))
    const { again, crowded } = drawLatent(
      this.to,
      this.view.camera,
      {
        scene,
        points: this.points.at(time),
        marks: this.marks.at(time),
        colours: this.palette,
        group: this.group,
        hidden: labelled(scene) && !this.options.byCode ? this.options.hidden : NONE,
        fresh: { rows: this.came.rows, share: fade },
        gone: fade < 1 ? this.gone : null,
        markGroup: this.markGroup,
        trails: this.currentTrail(scene),
        flash: options.still ? new Map() : flash,
        tiles: options.images && scene.level >= 0 && scene.ids.length <= MOST_NUMBERS ? this.decoded() : null,
        tileOf: Math.max(0, scene.level) * scene.perLevel,
        probe: options.probe && scene.shown !== 'residual' ? this.probe() : null,
        focus: options.focus !== null && options.focus < Math.max(1, scene.ids.length) ? options.focus : null,
        kin: this.kin,
        cells: options.cells,
        labels: options.labels,
      },
      options.colours,
      time,
    )
    if (crowded !== this.crowded) {
      this.crowded = crowded
      this.changed('scene')
    }
    counters.drawn += 1
    counters.lastDrawn = performance.now()
    const header = this.stage.motion!.header
    counters.shown = {
      step: header.step,
      seq: header.seq,
      points: scene.points.length / 2,
      marks: scene.ids.length,
      shown: scene.shown,
    }
    return (
      again ||
      this.view.moving ||
      fade < 1 ||
      this.points.moving(time) ||
      this.marks.moving(time) ||
      (flash.size > 0 && !options.still)
    )
  }

  private decoded(): Atlas | null {
    const frame = this.stage.images.decoded
    if (!frame) return null
    if (this.tiles?.frame !== frame) this.tiles = { frame, atlas: atlasOf(frame, 'decoded') }
    return this.tiles.atlas
  }

  /** The fixed images, and where they lay when they were last looked at. */
  private probe(): { atlas: Atlas; places: Float32Array } | null {
    const frame = this.stage.images.probe
    const places = frame?.f4('probe')
    if (!frame || !places) return null
    if (this.thumbs?.frame !== frame) this.thumbs = { frame, atlas: atlasOf(frame, 'thumbs') }
    return this.thumbs.atlas ? { atlas: this.thumbs.atlas, places } : null
  }
}

const NONE: Set<number> = new Set()

function labelled(scene: Scene): boolean {
  return scene.labels?.some((label) => label >= 0) ?? false
}

function max(values: Int16Array): number {
  let most = 0
  for (const value of values) if (value > most) most = value
  return most
}
