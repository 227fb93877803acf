/** Latent coordinates to pixels: a centre and pixels per unit; y points up. */
export interface Camera {
  x: number
  y: number
  scale: number
}

export interface Box {
  left: number
  right: number
  bottom: number
  top: number
}

export const toScreenX = (camera: Camera, width: number, x: number): number => (x - camera.x) * camera.scale + width / 2
export const toScreenY = (camera: Camera, height: number, y: number): number => (camera.y - y) * camera.scale + height / 2

/** The box that holds all but the few outermost points, and every mark that is wanted. */
export function boxOf(points: Float32Array, marks: Float32Array, dead: Uint8Array): Box | null {
  const axis = (which: 0 | 1): [number, number] | null => {
    const values: number[] = []
    for (let i = which; i < points.length; i += 2) if (Number.isFinite(points[i])) values.push(points[i])
    values.sort((a, b) => a - b)
    const cut = Math.floor(values.length * 0.004)
    let low = values.length ? values[cut] : Infinity
    let high = values.length ? values[values.length - 1 - cut] : -Infinity
    for (let i = 0; i < marks.length / 2; i++) {
      if (dead[i] && values.length) continue
      low = Math.min(low, marks[2 * i + which])
      high = Math.max(high, marks[2 * i + which])
    }
    return low <= high ? [low, high] : null
  }
  const x = axis(0)
  const y = axis(1)
  return x && y ? { left: x[0], right: x[1], bottom: y[0], top: y[1] } : null
}

/** Pixels that lie under the caption at the top and under the classes at the bottom; of a low canvas less. */
const covered = (height: number): { above: number; below: number } => ({
  above: Math.min(36, 0.07 * height),
  below: Math.min(48, 0.09 * height),
})

/** The camera that shows a box with a margin, in the part of the canvas that nothing covers. */
export function fit(box: Box, width: number, height: number): Camera {
  const wide = Math.max(box.right - box.left, 1e-6)
  const high = Math.max(box.top - box.bottom, 1e-6)
  const { above, below } = covered(height)
  const scale = Math.min((width * 0.82) / wide, ((height - above - below) * 0.93) / high, 1e7)
  return { x: (box.left + box.right) / 2, y: (box.bottom + box.top) / 2 - (below - above) / 2 / scale, scale }
}

/** Whether the camera still shows the box well: nothing important outside, and not lost in emptiness. */
export function suits(camera: Camera, box: Box, width: number, height: number): boolean {
  const left = toScreenX(camera, width, box.left)
  const right = toScreenX(camera, width, box.right)
  const top = toScreenY(camera, height, box.top)
  const bottom = toScreenY(camera, height, box.bottom)
  const { above, below } = covered(height)
  const inside = left >= 8 && right <= width - 8 && top >= above / 2 && bottom <= height - below
  return inside && Math.max((right - left) / width, (bottom - top) / height) > 0.6
}

/** Times as near as fitted: nearer there is nothing more to distinguish. */
export const NEAREST = 1e4
const EDGE = 28 // px from the border at which the nearest thing stands, where all else lies outside

/** The camera, moved just so far that something is in view: a point that may be seen, or a mark. */
export function held(
  camera: Camera,
  width: number,
  height: number,
  points: ArrayLike<number>,
  marks: ArrayLike<number>,
  seen: (point: number) => boolean,
): Camera {
  let nearest: [x: number, y: number] | null = null
  let least = Infinity
  for (const [places, all] of [
    [marks, true],
    [points, false],
  ] as const) {
    for (let i = 0; i < places.length; i += 2) {
      if (!all && !seen(i / 2)) continue
      const x = toScreenX(camera, width, places[i])
      const y = toScreenY(camera, height, places[i + 1])
      const away = Math.hypot(Math.max(-x, x - width, 0), Math.max(-y, y - height, 0))
      if (away === 0) return camera
      if (away < least) [least, nearest] = [away, [x, y]]
    }
  }
  if (!nearest) return camera
  const inside = (at: number, size: number): number =>
    Math.min(Math.max(at, Math.min(EDGE, size / 2)), size - Math.min(EDGE, size / 2))
  const [dx, dy] = [nearest[0] - inside(nearest[0], width), nearest[1] - inside(nearest[1], height)]
  return { ...camera, x: camera.x + dx / camera.scale, y: camera.y - dy / camera.scale }
}

/** Zoom by a factor so that the latent point under a pixel stays under it. */
export function zoomAt(camera: Camera, width: number, height: number, px: number, py: number, factor: number): Camera {
  const scale = Math.min(1e7, Math.max(1e-4, camera.scale * factor))
  const x = camera.x + (px - width / 2) / camera.scale - (px - width / 2) / scale
  const y = camera.y - (py - height / 2) / camera.scale + (py - height / 2) / scale
  return { x, y, scale }
}

/** On the way from one camera to another; the scale goes in equal ratios. */
export function between(a: Camera, b: Camera, t: number): Camera {
  const s = t * t * (3 - 2 * t)
  return { x: a.x + (b.x - a.x) * s, y: a.y + (b.y - a.y) * s, scale: a.scale * (b.scale / a.scale) ** s }
}

export const writeCamera = (camera: Camera): string =>
  [camera.x, camera.y, camera.scale].map((v) => Number(v.toPrecision(4))).join()

export function readCamera(text: string | undefined): Camera | null {
  const [x, y, scale] = (text ?? '').split(',').map(Number)
  return Number.isFinite(x) && Number.isFinite(y) && scale > 0 ? { x, y, scale } : null
}
