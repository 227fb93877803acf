/**
 * Points of a window are what training has just encoded, newest first: from frame to frame they move down by as many rows as
 * images came in. The shift says which row of the old frame each row is, so that a point is never drawn as moving into another.
 */
const ROWS = 24

export interface Rows {
  points: Float32Array
  labels: Int16Array | null
}

/** The shift, or null where the two windows have too little in common. `tolerance`: how far a point may have moved meanwhile. */
export function shiftBetween(old: Rows, now: Rows, tolerance: number): number | null {
  const have = old.points.length / 2
  const want = now.points.length / 2
  const compared = Math.min(ROWS, have, want)
  if (compared < 4) return null
  for (let shift = 0; shift <= want - compared; shift++) if (alike(shift, compared)) return shift
  return null

  function alike(shift: number, rows: number): boolean {
    for (let row = 0; row < rows; row++) {
      if (old.labels && now.labels && old.labels[row] !== now.labels[row + shift]) return false
      const dx = old.points[2 * row] - now.points[2 * (row + shift)]
      const dy = old.points[2 * row + 1] - now.points[2 * (row + shift) + 1]
      if (!(Math.abs(dx) <= tolerance && Math.abs(dy) <= tolerance)) return false
    }
    return true
  }
}
