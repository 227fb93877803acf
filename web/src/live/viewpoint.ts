import { draw } from '../draw/loop'
import { between, boxOf, fit, held, NEAREST, suits, toScreenX, toScreenY, zoomAt, type Camera } from '../scene/camera'
import type { Scene } from '../scene/scene'

const CAMERA_MOVE = 420
const FARTHEST = 5 // times smaller than fitted: farther away there is nothing to see

/** What a camera looks at, as it is now. */
export interface Sight {
  readonly size: [width: number, height: number]
  readonly scene: Scene | null
  readonly still: boolean
  /** Which points are shown. */
  readonly seen: (row: number) => boolean
  readonly paint: (time: number) => boolean
  /** The camera was moved by hand. */
  moved(): void
}

/** Where the latent canvas looks: follows what it shows until someone chooses a view, and never loses it. */
export class Viewpoint {
  camera: Camera = { x: 0, y: 0, scale: 100 }
  auto = true
  placed = false
  private move: { from: Camera; to: Camera; begun: number } | null = null

  constructor(private readonly sight: Sight) {}

  get moving(): boolean {
    return this.move !== null
  }

  /** Another scene is shown: fit it where nobody chose a view. `now`: even if the view of before suits it. */
  follow(now: boolean): void {
    const { scene, size } = this.sight
    if (!this.auto) {
      this.camera = this.within(this.camera)
      return
    }
    const box = size[0] && scene ? boxOf(scene.points, scene.marks, scene.dead) : null
    if (!box) return
    const goal = this.move?.to ?? this.camera
    if (!now && this.placed && suits(goal, box, ...size)) return
    this.goTo(fit(box, ...size), this.placed ? CAMERA_MOVE : 0)
    this.placed = true
  }

  frameAll(duration = CAMERA_MOVE): void {
    this.auto = true
    const whole = this.whole()
    if (!whole) return
    this.goTo(whole, duration)
    this.placed = true
  }

  /** A camera that someone chose: nothing moves it until they fit the view again. */
  place(camera: Camera): void {
    this.auto = false
    this.placed = true
    this.move = null
    this.camera = this.within(camera)
    draw(this.sight.paint)
  }

  /** The camera that shows everything; null as long as there is nothing, or no size to show it in. */
  private whole(): Camera | null {
    const { scene } = this.sight
    if (!scene) return null // what looks may not have a size yet
    const { size } = this.sight
    const box = size[0] ? boxOf(scene.points, scene.marks, scene.dead) : null
    return box && fit(box, ...size)
  }

  /** A camera that is neither too near nor too far, and shows something. */
  private within(camera: Camera): Camera {
    const { scene } = this.sight
    const scale = this.whole()?.scale
    if (!scene || !scale) return camera
    const { size } = this.sight
    const bounded = { ...camera, scale: Math.min(NEAREST * scale, Math.max(scale / FARTHEST, camera.scale)) }
    return held(bounded, ...size, scene.points, scene.marks, this.sight.seen)
  }

  /** Bring a place of the latent space into view that lies outside. */
  reveal(x: number, y: number): void {
    const [px, py] = this.screen(x, y)
    const [width, height] = this.sight.size
    if (px > 0 && py > 0 && px < width && py < height) return
    this.place({ ...this.camera, x, y })
    this.sight.moved()
  }

  pan(dx: number, dy: number): void {
    this.place({ ...this.camera, x: this.camera.x - dx / this.camera.scale, y: this.camera.y + dy / this.camera.scale })
    this.sight.moved()
  }

  zoom(px: number, py: number, factor: number): void {
    const { size } = this.sight
    const whole = this.whole()?.scale ?? this.camera.scale
    const least = Math.min(1, whole / FARTHEST / this.camera.scale)
    const most = Math.max(1, (NEAREST * whole) / this.camera.scale)
    this.place(zoomAt(this.camera, ...size, px, py, Math.min(most, Math.max(least, factor))))
    this.sight.moved()
  }

  /** Pixels of a place in the latent space. */
  screen(x: number, y: number): [number, number] {
    const [width, height] = this.sight.size
    return [toScreenX(this.camera, width, x), toScreenY(this.camera, height, y)]
  }

  /** On its way: where the camera is at this time. */
  advance(time: number): void {
    if (!this.move) return
    const t = Math.min(1, (time - this.move.begun) / CAMERA_MOVE)
    this.camera = between(this.move.from, this.move.to, Math.max(0, t))
    if (t >= 1) this.move = null
  }

  private goTo(camera: Camera, duration: number): void {
    if (duration && !this.sight.still) this.move = { from: this.camera, to: camera, begun: performance.now() }
    else {
      this.move = null
      this.camera = camera
    }
    draw(this.sight.paint)
  }
}
