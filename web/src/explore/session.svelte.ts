import type { ModelResponse, Shaped } from '../lib/frame'
import type { AboutFacts, Problem } from '../lib/protocol'
import { words } from '../lib/api'
import { differing, type Codes, type Grid } from './codes'
import { edited, editsOf } from './edits'
import { History } from './history.svelte'
import type { OpenModel } from './model.svelte'

/** An image as it was encoded. */
export interface Source {
  origin: string
  original: Shaped<Uint8Array> | null // null where there was none: the latent's zero, a drawn point
  reconstruction: Shaped<Uint8Array>
  codes: Codes
  label: string | null
  name: string | null
  notes: string[]
  mse: number | null
  psnr: number | null
}

const QUIET_MS = 60 // without an edit, until all levels are measured

export const gridOf = (about: AboutFacts): Grid => ({
  levels: about.levels,
  height: about.latent[1],
  width: about.latent[2],
  codes: about.codes,
})

/** An image's tokens, or those of a point that no image stands behind. Null where a newer ask of the same key came before. */
export async function encoded(model: OpenModel, key: string, origin: string): Promise<Source | null> {
  if (!/^(validation|train|image):/.test(origin)) {
    const answer = await model.ask(key, 'decode', { points: [origin], through: 'quantiser' })
    if (!answer) return null
    const image = { shape: answer.images.shape.slice(1), data: answer.images.data }
    return {
      origin,
      original: null,
      reconstruction: image,
      codes: new Int32Array(answer.codes!.data),
      label: null,
      name: null,
      notes: [],
      mse: null,
      psnr: null,
    }
  }
  const answer = await model.ask(key, 'encode', { of: origin })
  if (!answer) return null
  const { label, name, notes, mse, psnr } = answer.facts
  return {
    origin,
    original: answer.image,
    reconstruction: answer.reconstruction,
    codes: new Int32Array(answer.codes!.data),
    label,
    name,
    notes: [...notes],
    mse,
    psnr,
  }
}

/** The tokens of one image being edited: what they are, what they paint, and how well. */
export class TokenSession {
  source = $state.raw<Source | null>(null)
  history = $state.raw(new History<Codes>(new Int32Array()))
  preview = $state.raw<Codes | null>(null) // what they would be; not an edit yet
  upto = $state(0) // levels that are shown
  image = $state.raw<Shaped<Uint8Array> | null>(null)
  paints = $state(0) // answers so far
  measured = $state.raw<ModelResponse<'levels'> | null>(null) // of the edits, after all levels in turn
  problem = $state.raw<Problem | null>(null) // why the image could not be opened
  readonly grid: Grid
  private wanted = ''
  private readonly begun = new Map<string, { source: Source; history: History<Codes> }>()
  private later: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly model: OpenModel,
    about: AboutFacts,
  ) {
    this.grid = gridOf(about)
    this.upto = this.grid.levels
  }

  private asked: { codes: Codes; upto: number; source: Source } | null = null // what is painted, or will be by an ask on its way

  get codes(): Codes {
    return this.preview ?? this.history.now
  }
  get changed(): number {
    return this.source ? differing(this.source.codes, this.history.now) : 0
  }

  /**
   * Open an image, with edits where `text` has some; returns those that fit none of its tokens. An image seen before has the edits
   * that it had, unless the text is `anew` what was edited.
   */
  async open(origin: string, text = '', anew = false): Promise<string[]> {
    const before = this.begun.get(origin)
    let refused: string[] = []
    this.wanted = origin
    this.problem = null
    if (before) {
      this.source = before.source
      this.history = before.history
      const read = edited(this.grid, before.source.codes, text)
      refused = read.refused
      if (anew && differing(read.codes, this.history.now)) this.history.put(read.codes)
    } else {
      let source: Source | null
      try {
        source = await encoded(this.model, 'tokens', origin)
      } catch (error) {
        if (this.wanted === origin) this.problem = words(error)
        return []
      }
      if (!source || this.wanted !== origin) return []
      const read = edited(this.grid, source.codes, text)
      refused = read.refused
      this.source = source
      this.history = new History(source.codes)
      if (differing(source.codes, read.codes)) this.history.put(read.codes)
      this.begun.set(origin, { source, history: this.history })
    }
    this.preview = null
    this.measured = null
    this.repaint()
    return refused
  }

  /** Ask again for what is shown: the process was started anew. */
  again(): void {
    this.asked = null
    if (this.problem && this.wanted) void this.open(this.wanted)
    else this.repaint()
  }

  /** The edits of an image that was open before, as text for the address; null where there are none. */
  known(origin: string): string | null {
    const before = this.begun.get(origin)
    return before ? editsOf(this.grid, before.source.codes, before.history.now).join(';') || null : null
  }

  /** The next state of the tokens; a `gesture` is undone as one. */
  put(codes: Codes, gesture: unknown = null): void {
    this.preview = null
    if (differing(codes, this.history.now)) this.history.put(codes, gesture)
    this.repaint()
  }
  undo(): void {
    this.preview = null
    this.history.undo()
    this.repaint()
  }
  redo(): void {
    this.preview = null
    this.history.redo()
    this.repaint()
  }
  look(codes: Codes | null): void {
    if (codes === null && this.preview === null) return
    this.preview = codes
    this.repaint()
  }
  reveal(levels: number): void {
    this.upto = Math.min(this.grid.levels, Math.max(1, levels))
    this.repaint()
  }

  end(): void {
    clearTimeout(this.later)
  }

  private repaint(): void {
    const [codes, upto, source] = [this.codes, this.upto, this.source]
    if (!source) return
    clearTimeout(this.later)
    this.later = setTimeout(() => this.measure(), QUIET_MS)
    if (upto === this.grid.levels && !differing(codes, source.codes)) {
      this.model.forget('paint')
      this.asked = null
      this.image = source.reconstruction
      this.paints++
      return
    }
    const before = this.asked
    if (before && before.source === source && before.upto === upto && !differing(before.codes, codes)) return // tried out, then chosen
    const asked = (this.asked = { codes, upto, source })
    let shown = false
    const levels = upto === this.grid.levels ? {} : { levels: upto }
    void this.model
      .show('paint', 'paint', { codes: [...codes], ...levels }, (answer) => {
        if (this.source !== source) return
        shown = true
        this.image = answer.image
        this.paints++
      })
      .then(() => {
        if (!shown && this.asked === asked) this.asked = null // it failed: the same may be asked again
      })
  }

  private measure(): void {
    const [codes, source] = [this.codes, this.source]
    if (!source) return
    const of = source.original ? { of: source.origin } : {}
    void this.model.show('levels', 'levels', { codes: [...codes], ...of }, (answer) => {
      if (this.source === source && this.codes === codes) this.measured = answer
    })
  }
}
