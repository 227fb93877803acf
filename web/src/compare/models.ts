/** Which checkpoints are compared, as the address says it: `a`, `b`, and `more` with commas, each `RUN` or `RUN@WHICH` as in the shell. */
export interface Choice {
  id: string
  which: string // best, last, the name of a checkpoint's folder, or a step
}

export const MOST = 4 // side by side; curves and settings take more
const MOST_CURVES = 8
const WHICH = /^(?:best|last|(?:best|step)-\d{1,12}(?:-\d{1,4})?|\d{1,12})$/

export function readChoice(text: string): Choice {
  const at = text.lastIndexOf('@')
  const which = text.slice(at + 1)
  return at > 0 && WHICH.test(which) ? { id: text.slice(0, at), which } : { id: text, which: 'best' }
}

export const choiceText = ({ id, which }: Choice): string => (which === 'best' ? id : `${id}@${which}`)

/** What the address names, each checkpoint once. */
export function readChoices(query: Record<string, string>): Choice[] {
  const texts = [query.a, query.b, ...(query.more ?? '').split(',')].filter((text): text is string => !!text)
  return [...new Set(texts.map((text) => choiceText(readChoice(text))))].slice(0, MOST_CURVES).map(readChoice)
}

export function writeChoices(choices: readonly Choice[]): Record<string, string | null> {
  const [a, b, ...more] = choices.map(choiceText)
  return { a: a ?? null, b: b ?? null, more: more.join(',') || null }
}

/** A checkpoint of a run that is not compared yet; the best one where it can be. */
export function another(id: string, taken: readonly Choice[], saved: readonly string[]): Choice {
  const used = new Set(taken.filter((one) => one.id === id).map((one) => one.which))
  const which = ['best', ...saved].find((one) => !used.has(one)) ?? 'last'
  return { id, which }
}

/** A for the first, B for the second. */
export const letter = (place: number): string => String.fromCharCode(65 + place)

/** How the shell names a checkpoint: a folder of a step by its number. */
export const shellName = ({ id, which }: Choice): string => choiceText({ id, which: which.replace(/^step-0*(?=\d)/, '') })
