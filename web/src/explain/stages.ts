import type { ExplainResponse, TableBlock, TextPiece } from '../lib/protocol'

/** A fact of one stage: a value for each head of its table. */
export interface StageFact {
  head: string
  cell: TextPiece[]
}

/** The rows of all tables by what they are about: the stage of the drawing under the pointer is one of them. */
export function rowsOf(answer: Pick<ExplainResponse, 'sections'>): Map<string, StageFact[]> {
  const tables = answer.sections
    .flatMap((section) => section.blocks)
    .filter((block): block is TableBlock => block.kind === 'table')
  const rows = new Map<string, StageFact[]>()
  for (const table of tables) {
    for (const row of table.rows) {
      if (!row.key || rows.has(row.key)) continue
      rows.set(
        row.key,
        row.cells.map((cell, i) => ({ head: table.heads[i] ?? '', cell })).filter(({ cell }) => says(cell, row.key)),
      )
    }
  }
  return rows
}

/** The stages of a drawing, from left to right, and the one that stands for it: its latent, else the middle one. */
export function stagesOf(svg: string): { keys: string[]; main: string } {
  const keys = [...svg.matchAll(/data-stage="([^"]*)"/g)].map((found) => found[1])
  const latent = /data-stage="([^"]*)" data-side="latent"/.exec(svg)?.[1]
  return { keys, main: latent ?? keys[Math.floor(keys.length / 2)] ?? '' }
}

/** Whether a cell says more than the name of its stage, which stands above it. */
function says(cell: TextPiece[], key: string): boolean {
  const text = cell.map((piece) => piece.text).join('')
  return text !== '' && text !== key && !key.endsWith(`.${text}`)
}

/** The address of the page of a spec that was not trained yet, with what was changed in it. */
export const CHANGES = '\n' // between overrides in the address: no override has one
export const overridesIn = (text: string | undefined): string[] => (text ?? '').split(CHANGES).filter(Boolean)

/** The stage that an arrow key leads to from one of a list. */
export function neighbour(keys: readonly string[], from: string, key: string): string | null {
  const at = keys.indexOf(from)
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: keys.length - 1 }[key]
  return to === undefined ? null : keys[Math.min(keys.length - 1, Math.max(0, to))]
}
