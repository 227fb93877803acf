import type { Frame } from '../lib/frame'

/** Which of the four images of a quantised latent the canvas shows. */
export type Shown = 'level' | 'residual' | 'sum' | 'all'
export const SHOWN: Shown[] = ['level', 'residual', 'sum', 'all']

/** More combinations than this are not drawn. */
export const MOST_COMBINATIONS = 2048

/** A code nothing has chosen for this many steps is dead: the window over which usage is counted. */
export const DEAD_AFTER = 100
const DEAD_BEFORE = 10 // while a run is younger than those, one that was never chosen; in so few steps chance leaves some out

/** What is drawn, in latent coordinates. `owner` is the row of `marks` that a point belongs to. */
export interface Scene {
  key: string // equal keys: the same marks in the same order, so that motion between two scenes means something
  shown: Shown
  level: number // the codebook that `marks` are of; -1 for combinations
  points: Float32Array
  labels: Int16Array | null
  owner: Int32Array | null
  marks: Float32Array
  ids: Int32Array // code index, or for combinations first * K + second
  perLevel: number
  usage: Float32Array | null
  dead: Uint8Array
  revived: Int32Array | null
  stable: boolean // the points are the same images in every frame
}

/** What can be shown of a frame; the first is the one to fall back to. */
export function possible(frame: Frame): Shown[] {
  const [levels, codes] = frame.shapes.get('codes') ?? [0, 0]
  if (!levels || !codes || levels < 2 || !frame.shapes.has('assigned')) return ['level']
  return codes * codes <= MOST_COMBINATIONS ? [...SHOWN] : ['level', 'residual', 'sum']
}

/** `residualLevel` (1 = the second codebook) says which residual; the residual before level r is the point minus levels 0..r-1. */
export function makeScene(frame: Frame, wanted: Shown, residualLevel = 1): Scene | null {
  const points = frame.f4('points')
  if (!points) return null
  const labels = frame.i2('labels')
  const stable = frame.header.view.points_of === 'probe'
  const codes = frame.f4('codes')
  const assigned = frame.i4('assigned')
  const [levels, perLevel] = frame.shapes.get('codes') ?? [0, 0]
  const shown = possible(frame).includes(wanted) ? wanted : 'level'
  const base = { labels, stable, shown, perLevel }
  if (!codes || !levels || !perLevel) {
    return {
      ...base,
      key: 'points',
      level: -1,
      points,
      owner: null,
      marks: new Float32Array(0),
      ids: new Int32Array(0),
      usage: null,
      dead: new Uint8Array(0),
      revived: null,
    }
  }
  const usage = frame.f4('usage')
  const idle = frame.i4('idle')
  const revived = frame.i4('revived')
  if (shown === 'level' || shown === 'residual') {
    const level = shown === 'level' ? 0 : Math.min(levels - 1, Math.max(1, residualLevel))
    const from = level * perLevel
    const part = <A extends Float32Array | Int32Array>(array: A | null): A | null =>
      array && array.length >= from + perLevel ? (array.subarray(from, from + perLevel) as A) : null
    return {
      ...base,
      key: `${shown}${level}:${perLevel}`,
      level,
      points: level === 0 || !assigned ? points : residual(points, codes, assigned, levels, perLevel, level),
      owner: assigned ? column(assigned, levels, level) : null,
      marks: codes.subarray(2 * from, 2 * (from + perLevel)),
      ids: range(perLevel),
      usage: part(usage),
      dead: deadOnes(part(usage), part(idle), perLevel, frame.header.step),
      revived: part(revived),
    }
  }
  return combinations({ ...base, points }, codes, assigned!, levels, perLevel)
}

function residual(
  points: Float32Array,
  codes: Float32Array,
  assigned: Int32Array,
  levels: number,
  perLevel: number,
  level: number,
): Float32Array {
  const out = points.slice()
  for (let p = 0; p < out.length / 2; p++) {
    for (let q = 0; q < level; q++) {
      const code = assigned[p * levels + q]
      if (code < 0) continue
      const at = 2 * (q * perLevel + code)
      out[2 * p] -= codes[at]
      out[2 * p + 1] -= codes[at + 1]
    }
  }
  return out
}

type Half = Pick<Scene, 'labels' | 'stable' | 'shown' | 'perLevel' | 'points'>

/** Sums of codes: those that the points use (`sum`, over every level), or every pair of the first two levels (`all`). */
function combinations(half: Half, codes: Float32Array, assigned: Int32Array, levels: number, perLevel: number): Scene {
  const count = half.points.length / 2
  const all = half.shown === 'all'
  const depth = all ? 2 : levels
  const owner = new Int32Array(count)
  const rows = new Map<string | number, number>()
  const firstPoint: number[] = []
  if (all) for (let i = 0; i < perLevel * perLevel; i++) rows.set(i, i)
  for (let p = 0; p < count; p++) {
    const name = all
      ? assigned[p * levels] * perLevel + assigned[p * levels + 1]
      : String(assigned.subarray(p * levels, p * levels + depth))
    let row = rows.get(name)
    if (row === undefined) {
      row = rows.size
      rows.set(name, row)
      firstPoint.push(p)
    }
    owner[p] = row
  }
  const total = rows.size
  const marks = new Float32Array(2 * total)
  const ids = new Int32Array(total)
  for (let row = 0; row < total; row++) {
    const first = all ? Math.floor(row / perLevel) : assigned[firstPoint[row] * levels]
    const second = all ? row % perLevel : assigned[firstPoint[row] * levels + 1]
    ids[row] = first * perLevel + second
    for (let q = 0; q < depth; q++) {
      const code = all ? (q === 0 ? first : second) : assigned[firstPoint[row] * levels + q]
      const at = 2 * (q * perLevel + code)
      marks[2 * row] += codes[at]
      marks[2 * row + 1] += codes[at + 1]
    }
  }
  const usage = new Float32Array(total)
  for (let p = 0; p < count; p++) usage[owner[p]] += 1 / count
  const dead = new Uint8Array(total)
  for (let row = 0; row < total; row++) dead[row] = usage[row] === 0 ? 1 : 0
  return {
    ...half,
    key: all ? `all:${perLevel}` : `sum:${[...ids].join()}`,
    level: -1,
    owner,
    marks,
    ids,
    usage,
    dead,
    revived: null,
  }
}

export function deadOnes(usage: Float32Array | null, idle: Int32Array | null, n: number, step: number): Uint8Array {
  const dead = new Uint8Array(n)
  const enough = Math.min(DEAD_AFTER, Math.max(DEAD_BEFORE, step))
  for (let i = 0; i < n; i++) {
    if (idle) dead[i] = idle[i] >= enough ? 1 : 0
    else if (usage) dead[i] = usage[i] === 0 ? 1 : 0
  }
  return dead
}

/** For each mark the class that most of its points have; -1 where none has a label. */
export function majority(owner: Int32Array | null, labels: Int16Array | null, marks: number): Int16Array {
  const out = new Int16Array(marks).fill(-1)
  if (!owner || !labels || marks === 0) return out
  let classes = 0
  for (const label of labels) classes = Math.max(classes, label + 1)
  const counts = new Uint16Array(marks * classes)
  const best = new Uint16Array(marks)
  for (let p = 0; p < owner.length; p++) {
    const label = labels[p]
    if (label < 0 || owner[p] < 0 || owner[p] >= marks) continue
    const n = ++counts[owner[p] * classes + label]
    if (n > best[owner[p]]) {
      best[owner[p]] = n
      out[owner[p]] = label
    }
  }
  return out
}

/** exp(entropy in nats) of a distribution. */
export function perplexity(usage: ArrayLike<number>): number {
  let sum = 0
  let entropy = 0
  for (let i = 0; i < usage.length; i++) sum += usage[i]
  if (sum <= 0) return 0
  for (let i = 0; i < usage.length; i++) {
    const p = usage[i] / sum
    if (p > 0) entropy -= p * Math.log(p)
  }
  return Math.exp(entropy)
}

const range = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i)

function column(table: Int32Array, width: number, at: number): Int32Array {
  if (width === 1) return table
  const out = new Int32Array(table.length / width)
  for (let row = 0; row < out.length; row++) out[row] = table[row * width + at]
  return out
}
