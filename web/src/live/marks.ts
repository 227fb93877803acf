import type { Mark } from '../lib/types'

/** A slider that was dragged leaves dozens of marks: those of one setting, each soon after the one before, become one. */
const SOON_SECONDS = 4

export function gathered(marks: Mark[]): Mark[] {
  const out: Mark[] = []
  for (const mark of marks) {
    const last = out[out.length - 1]
    const now = mark.kind === 'set' ? parts(mark.text) : null
    const before = last?.kind === 'set' ? parts(last.text) : null
    if (now && before && now.name === before.name && mark.time - last.time < SOON_SECONDS) {
      out[out.length - 1] = { ...mark, text: `${now.name}: ${before.from} -> ${now.to}` }
    } else out.push(mark)
  }
  return out
}

function parts(text: string): { name: string; from: string; to: string } | null {
  const found = /^(.+): (\S+) -> (\S+)$/.exec(text)
  return found ? { name: found[1], from: found[2], to: found[3] } : null
}
