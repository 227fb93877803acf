import { atlasOf, type Atlas } from '../draw/atlas'
import type { Frame } from '../lib/frame'
import { toScreenX, toScreenY, type Camera } from '../scene/camera'

const REACH = 8 // px

/** The point within reach of a pixel, of those that may be seen; null where none is. */
export function pointNear(
  points: Float32Array,
  camera: Camera,
  [width, height]: [number, number],
  px: number,
  py: number,
  seen: (row: number) => boolean,
): number | null {
  let best: number | null = null
  let least = REACH ** 2
  for (let row = 0; row < points.length / 2; row++) {
    const d = (toScreenX(camera, width, points[2 * row]) - px) ** 2 + (toScreenY(camera, height, points[2 * row + 1]) - py) ** 2
    if (d <= least && seen(row)) {
      least = d
      best = row
    }
  }
  return best
}

/** What is known of a point: its class, its codes, and which of the fixed images it is, or lies next to. */
export interface Known {
  label: string | null
  codes: number[]
  image: { index: number; itself: boolean } | null
}

/**
 * Only the fixed images are sent as images. The points of those begin the window (the last of them stay longest); of any other
 * point the nearest of them shows how such an image looks, where an image is one point.
 */
export function knownOf(row: number, frame: Frame, images: Frame | undefined): Known {
  const { view } = frame.header
  const label = frame.i2('labels')?.[row] ?? -1
  const assigned = frame.i4('assigned')
  const levels = view.levels
  const codes = assigned && levels ? Array.from(assigned.subarray(row * levels, (row + 1) * levels)) : []
  return { label: label >= 0 ? (view.classes[label] ?? String(label)) : null, codes, image: imageOf(row, frame, images) }
}

function imageOf(row: number, frame: Frame, images: Frame | undefined): Known['image'] {
  const many = images?.shapes.get('thumbs')?.[0] ?? 0
  const points = frame.f4('points')
  if (!many || !points) return null
  const { view } = frame.header
  const cells = view.grid[0] * view.grid[1]
  const fixed = view.points_of === 'probe' ? points.length / 2 : (view.points_fixed ?? 0)
  if (row < fixed) {
    const index = Math.floor((many * cells - fixed + row) / cells)
    return index >= 0 && index < many ? { index, itself: true } : null
  }
  const places = cells === 1 ? images?.f4('probe') : null
  if (!places || places.length !== 2 * many) return null
  let index = 0
  const away = (i: number): number => (places[2 * i] - points[2 * row]) ** 2 + (places[2 * i + 1] - points[2 * row + 1]) ** 2
  for (let i = 1; i < many; i++) if (away(i) < away(index)) index = i
  return { index, itself: false }
}

let kept: { frame: Frame; atlas: Atlas | null } | null = null

/** The fixed images, made into a canvas once. */
export function thumbsOf(frame: Frame): Atlas | null {
  if (kept?.frame !== frame) kept = { frame, atlas: atlasOf(frame, 'thumbs') }
  return kept.atlas
}
