export interface Label {
  text: string
  x: number // of what it names
  wide: number
}

const ROWS = 2

/** Where labels stand beside what they name, the newest first: to the right of it, or where that is the border to the left. One
 * that would cover another goes a row lower, or is left out. */
export function labelled(
  labels: readonly Label[],
  from: number,
  to: number,
  gap: number,
): { text: string; left: number; row: number }[] {
  const taken: { left: number; right: number; row: number }[] = []
  const found: { text: string; left: number; row: number }[] = []
  for (const { text, x, wide } of [...labels].reverse()) {
    if (x < from || wide > to - from) continue
    const at = Math.min(x, to)
    const left = at + gap + wide <= to ? at + gap : Math.max(from, at - gap - wide)
    for (let row = 0; row < ROWS; row++) {
      if (taken.some((one) => one.row === row && left < one.right + gap && one.left < left + wide + gap)) continue
      taken.push({ left, right: left + wide, row })
      found.push({ text, left, row })
      break
    }
  }
  return found
}
