import type { PriorFacts } from '../lib/protocol'

/** How a dream is drawn: what the address says, what is asked of the model, and what the shell's command says. */
export interface Settings {
  mode: 'new' | 'morph' | 'image'
  of: string | null // of an image: its origin, what is painted or gone on with
  count: number
  frames: number | null // null = as many as the prior learned from
  label: string | null // null = each label in turn; of a morph where it begins
  to: string | null // of a morph
  temperature: number
  topK: number | null // null = all codes
  topP: number
  guidance: number
  steps: number | null // null = as the prior was made for
  order: string
  seed: number
}

/** Something that was done to one item of a dream: cells of it drawn anew, or gone on with from one of its frames. */
export type Step =
  { kind: 'repaint'; pick: number; cells: number[]; seed: number } | { kind: 'continue'; pick: number; key: number; seed: number }

export interface View {
  settings: Settings
  trail: Step[]
}

export type Query = Record<string, string | undefined>

export const MOST_IMAGES = 64
export const MOST_CLIPS = 9
export const MOST_FRAMES = 720
export const WAYS = 4 // in which a region of an image is drawn anew

export const moves = (prior: PriorFacts): boolean => prior.frames > 1
export const usual = (prior: PriorFacts): Settings => ({
  mode: 'new',
  of: null,
  count: moves(prior) ? 1 : 16,
  frames: null,
  label: null,
  to: null,
  temperature: 1,
  topK: null,
  topP: 1,
  guidance: 0,
  steps: null,
  order: 'halton',
  seed: 0,
})

// The address --------------------------------------------------------------------------------------------------------------

const within = (text: string | undefined, low: number, high: number, byDefault: number, whole = false): number => {
  const value = text === undefined || text === '' ? NaN : Number(text)
  return Number.isFinite(value) && value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : byDefault
}
const known = (text: string | undefined, names: readonly string[]): string | null =>
  text !== undefined && names.includes(text) ? text : null

/** What of an address a prior can do; the rest is as it usually is. */
export function fromQuery(query: Query, prior: PriorFacts, codes: number): View {
  const normal = usual(prior)
  const [from, to] = [known(query.label, prior.classes), known(query.to, prior.classes)]
  const of = /^((validation|train):\d{1,9}|image:.+)$/.exec(query.of ?? '')?.[0] ?? null
  const morph = of === null && prior.loop && prior.classes.length > 1 && query.to !== undefined
  const settings: Settings = {
    mode: of !== null ? 'image' : morph ? 'morph' : 'new',
    of,
    count: morph ? 1 : within(query.n, 1, moves(prior) ? MOST_CLIPS : MOST_IMAGES, normal.count, true),
    frames: moves(prior) ? within(query.frames, 1, MOST_FRAMES, 0, true) || null : null,
    label: morph ? (from ?? prior.classes[0]) : from,
    to: morph ? (to ?? prior.classes[1]) : null,
    temperature: within(query.temperature, 0.01, 100, 1),
    topK: within(query.top_k, 1, codes, 0, true) || null,
    topP: within(query.top_p, 0.001, 1, 1),
    guidance: prior.classes.length ? within(query.guidance, 0, 100, 0) : 0,
    steps: prior.passes === null ? null : within(query.steps, 1, 4096, 0, true) || null,
    order: known(query.order, prior.orders) ?? 'halton',
    seed: within(query.seed, 0, Number.MAX_SAFE_INTEGER, 0, true),
  }
  return { settings, trail: readTrail(query.then, prior.height * prior.width) }
}

/** What a view is, under the names that the address has for it. */
const named = ({ settings, trail }: View, prior: PriorFacts): Record<string, number | string | null> => ({
  of: settings.of,
  n: settings.count,
  frames: settings.frames,
  label: settings.label,
  to: settings.to,
  temperature: settings.temperature,
  top_k: settings.topK,
  top_p: settings.topP,
  guidance: settings.guidance,
  steps: settings.steps,
  order: settings.order,
  seed: settings.seed,
  then: trail.length ? writeTrail(trail, prior.height * prior.width) : null,
})

/** What an address asks for and this prior cannot do: `temperature 500`. It is as usual instead, and is named. */
export function leftOut(query: Query, prior: PriorFacts, codes: number): string[] {
  return Object.entries(named(fromQuery(query, prior, codes), prior))
    .filter(([name, value]) => query[name] && (typeof value === 'number' ? Number(query[name]) !== value : query[name] !== value))
    .map(([name]) => `${name} ${query[name]!.length > 40 ? `${query[name]!.slice(0, 40)}…` : query[name]}`)
}

/** The address of a view; null where something is as usual. */
export function toQuery(view: View, prior: PriorFacts): Record<string, string | null> {
  const normal = named({ settings: usual(prior), trail: [] }, prior)
  return Object.fromEntries(
    Object.entries(named(view, prior)).map(([name, value]) => [
      name,
      value === null || value === normal[name] ? null : String(value),
    ]),
  )
}

/** Cells as hexadecimal digits, four cells each, the first cell the highest bit of the first digit. */
export function writeCells(cells: readonly number[], all: number): string {
  const digits = new Array<number>(Math.ceil(all / 4)).fill(0)
  for (const cell of cells) digits[cell >> 2] |= 8 >> (cell & 3)
  return digits.map((digit) => digit.toString(16)).join('')
}

export function readCells(text: string, all: number): number[] {
  const found: number[] = []
  for (let cell = 0; cell < Math.min(all, 4 * text.length); cell++)
    if (parseInt(text[cell >> 2], 16) & (8 >> (cell & 3))) found.push(cell)
  return found
}

/** `r.PICK.SEED.CELLS` and `c.PICK.SEED.KEY`, one after the other. */
const writeTrail = (trail: readonly Step[], all: number): string =>
  trail
    .map((step) =>
      step.kind === 'repaint'
        ? `r.${step.pick}.${step.seed}.${writeCells(step.cells, all)}`
        : `c.${step.pick}.${step.seed}.${step.key}`,
    )
    .join('~')

function readTrail(text: string | undefined, all: number): Step[] {
  const found: Step[] = []
  for (const part of (text ?? '').split('~').filter(Boolean)) {
    const read = /^([rc])\.(\d{1,4})\.(\d{1,15})\.([0-9a-f]+)$/.exec(part)
    if (!read) break // what follows is of what it would have made
    const [pick, seed] = [Number(read[2]), Number(read[3])]
    if (read[1] === 'c') found.push({ kind: 'continue', pick, key: Number(read[4]) || 0, seed })
    else {
      const cells = readCells(read[4], all)
      if (!cells.length) break
      found.push({ kind: 'repaint', pick, cells, seed })
    }
  }
  return found
}

// What is asked --------------------------------------------------------------------------------------------------------------

/** How tokens are drawn, for an ask; what is as usual is left out. */
export function drawing(settings: Settings, seed = settings.seed): Record<string, number | string> {
  return {
    ...(settings.temperature !== 1 && { temperature: settings.temperature }),
    ...(settings.topK !== null && { top_k: settings.topK }),
    ...(settings.topP !== 1 && { top_p: settings.topP }),
    ...(settings.guidance !== 0 && { guidance: settings.guidance }),
    ...(settings.steps !== null && { steps: settings.steps }),
    ...(settings.order !== 'halton' && { order: settings.order }),
    seed,
  }
}

/** What the items of a dream will be, before they are drawn; of what was done to one, nothing is known yet. */
export function labelsOf({ settings, trail }: View, prior: PriorFacts): (string | null)[] {
  if (trail.length || !prior.classes.length || settings.mode !== 'new') return []
  const first = moves(prior) ? settings.seed : 0 // of clips another seed begins with another label
  return Array.from({ length: settings.count }, (_, i) => settings.label ?? prior.classes[(first + i) % prior.classes.length])
}

/** The same settings whose dream is the same. */
export const sameView = (a: View, b: View): boolean => JSON.stringify(a) === JSON.stringify(b)

/** A seed that nobody has seen yet. */
export const anotherSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000
