import { makeAtlas, type Atlas } from '../draw/atlas'
import type { Problem } from '../lib/protocol'
import { words } from '../lib/api'
import type { OpenModel } from './model.svelte'

const CHUNK = 1024
const FEW = 200 // images

/** Every code of a level, decoded in context; fetched in parts, so that the first can be seen before the last is there. */
export class CodeTiles {
  have = $state(0) // codes that are there, from 0 on
  drawn = $state(0) // parts that came, the second time included
  done = $state(false) // counted over all images that are counted
  problem = $state.raw<Problem | null>(null) // why there is no list, where the model refuses one
  tokens = $state(0) // so many were counted; 0 = none
  counts = $state.raw<Int32Array | null>(null)
  cell: [number, number] = [1, 1] // width and height of a cell in pixels
  private chunks: Atlas[] = []

  constructor(
    private readonly model: OpenModel,
    readonly level: number,
    readonly codes: number,
  ) {
    void this.load()
  }

  /** Most used first, codes of equal use in their own order. */
  byUsage(): Int32Array {
    const order = this.byIndex()
    const counts = this.counts
    return counts ? order.sort((a, b) => counts[b] - counts[a] || a - b) : order
  }

  byIndex(): Int32Array {
    return Int32Array.from({ length: this.codes }, (_, i) => i)
  }

  get used(): number {
    return this.counts ? this.counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0) : 0
  }

  /** exp of the entropy of the shares: so many codes give as much choice if all are used alike. */
  get perplexity(): number | null {
    if (!this.counts || !this.tokens) return null
    let entropy = 0
    for (const count of this.counts) if (count) entropy -= (count / this.tokens) * Math.log(count / this.tokens)
    return Math.exp(entropy)
  }

  /**
   * Draw a code; with `cell` (width and height of a cell in pixels) and `margin` only so much of what lies around its cell, in
   * cells; nothing is drawn of a code that is not there yet.
   */
  draw(
    g: CanvasRenderingContext2D,
    code: number,
    x: number,
    y: number,
    width: number,
    height: number,
    cell?: [number, number],
    margin = 0,
  ): boolean {
    const atlas = this.chunks[Math.floor(code / CHUNK)]
    if (!atlas) return false
    const n = code % CHUNK
    const [left, top] = [(n % atlas.columns) * atlas.w, Math.floor(n / atlas.columns) * atlas.h]
    let [w, h] = [atlas.w, atlas.h]
    if (cell) {
      w = Math.min(w, cell[0] * (1 + 2 * margin))
      h = Math.min(h, cell[1] * (1 + 2 * margin))
    }
    g.imageSmoothingEnabled = false // pixels are pixels
    g.drawImage(atlas.canvas, left + (atlas.w - w) / 2, top + (atlas.h - h) / 2, w, h, x, y, width, height)
    return true
  }

  /** Width over height of what is drawn. */
  shape(): number {
    const atlas = this.chunks[0]
    return atlas ? atlas.w / atlas.h : 1
  }

  /** The process was started anew: what it did not come to answer is asked again. */
  again(): void {
    if (!this.problem) return
    this.problem = null
    void this.load()
  }

  /** First counted over few images, which is there in a moment; then over all that are counted. */
  private async load(): Promise<void> {
    try {
      if ((await this.pass(FEW)) && this.tokens) await this.pass()
    } catch (error) {
      this.problem = words(error)
    }
  }

  private async pass(most?: number): Promise<boolean> {
    const counts = new Int32Array(this.codes)
    for (let first = 0; first < this.codes; first += CHUNK) {
      const part = { level: this.level + 1, first, count: Math.min(CHUNK, this.codes - first) }
      const answer = await this.model.ask(`atlas ${this.level}`, 'atlas', most ? { ...part, most } : part)
      if (!answer) return false
      const [n, h, w, channels] = answer.tiles.shape
      this.chunks[first / CHUNK] = makeAtlas(answer.tiles.data, n, h, w, channels)
      this.cell = [answer.facts.cell[1], answer.facts.cell[0]]
      if (answer.counts) counts.set(answer.counts.data, first)
      this.have = Math.max(this.have, first + n)
      this.drawn++
      if (first + n < this.codes) continue
      this.tokens = answer.facts.tokens
      if (answer.counts) this.counts = counts
    }
    this.done = most === undefined || !this.tokens
    return true
  }
}

/** Of an open model: the tiles of each level, fetched once. */
export class Levels {
  private readonly found = new Map<number, CodeTiles>()

  constructor(
    private readonly model: OpenModel,
    private readonly codes: number,
  ) {}

  of(level: number): CodeTiles {
    const tiles = this.found.get(level) ?? new CodeTiles(this.model, level, this.codes)
    this.found.set(level, tiles)
    return tiles
  }
  again(): void {
    for (const tiles of this.found.values()) tiles.again()
  }
}
