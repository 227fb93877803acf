import { words } from '../lib/api'
import type { ModelResponse, Shaped } from '../lib/frame'
import type { AboutFacts, DreamKind, Problem, ProgressFacts } from '../lib/protocol'
import type { OpenModel, What } from '../explore/model.svelte'
import { drawing, moves, sameView, WAYS, type Settings, type Step, type View } from './settings'

export type Made = ModelResponse<'dream'>
export interface Progress {
  facts: ProgressFacts
  tokens: Shaped<Int32Array>
}
export type Condition = 'idle' | 'drawing' | 'stopped' | 'failed' | 'done'

const KEY = 'dream'
const COMPARED = 'dream compared'
const KEPT = 8 // dreams that steps began from

/** What is asked of the model, its kind beside it. */
export type DreamAsk = { [K in DreamKind]: { kind: K; what: What<K> } }[DreamKind]

/** What is shown: a dream, and what was done to one of its items, one step after the other. Each step is asked for in turn. */
export class Dreaming {
  view = $state.raw<View | null>(null) // what is shown, or being drawn
  made = $state.raw<Made | null>(null)
  ask = $state.raw<DreamAsk | null>(null) // what `made` answers
  progress = $state.raw<Progress | null>(null)
  condition = $state<Condition>('idle')
  problem = $state.raw<Problem | null>(null)
  step = $state(0) // which of the asks is under way, from 1
  comparing = $state(false) // what is shown, with the training images
  unknown = $state.raw<Problem | null>(null) // why it could not be compared
  private turn = 0
  private readonly kept = new Map<string, Made>()

  constructor(
    private readonly model: OpenModel,
    private readonly about: AboutFacts,
  ) {}

  get steps(): number {
    return 1 + (this.view?.trail.length ?? 0)
  }

  /** Draw what a view says; what was drawn on the way to it is not drawn again. */
  async run(view: View): Promise<void> {
    if (this.view && sameView(view, this.view) && (this.condition === 'done' || this.condition === 'drawing')) return
    this.halt()
    const turn = ++this.turn
    this.view = view
    this.problem = null
    this.condition = 'drawing'
    let before: Made | null = null
    for (let n = 0; n <= view.trail.length; n++) {
      this.step = n + 1
      const name = JSON.stringify([view.settings, view.trail.slice(0, n)])
      const known: Made | undefined = this.kept.get(name)
      const image = n === 0 ? view.settings.of : null
      const ask: DreamAsk | null =
        image !== null ? null : n === 0 ? this.first(view.settings) : this.next(view.settings, view.trail[n - 1], before!)
      if (!ask && image === null)
        return this.fail(turn, {
          what: 'the address goes on from an item that does not exist',
          why: `this dream has ${before!.images.shape[0]}`,
          fix: 'go back to the dream itself',
        })
      const found: Made | null = known ?? (ask ? await this.asked(turn, ask) : await this.opened(turn, image!))
      if (turn !== this.turn || !found) return
      this.keep(name, found)
      before = found
      this.ask = ask
    }
    this.made = before
    this.progress = null
    this.condition = 'done'
    if (this.ask && before && !before.facts.compared) void this.compare(turn, view, this.ask)
  }

  /** What is shown is compared with the training images afterwards, which may take a minute. */
  private async compare(turn: number, view: View, { kind, what }: DreamAsk): Promise<void> {
    this.comparing = true
    try {
      const found = (await this.model.ask(COMPARED, kind as 'dream', { ...what, compare: true } as What<'dream'>)) as Made | null
      if (turn !== this.turn || !found) return
      this.made = { ...this.made!, facts: found.facts }
      this.keep(JSON.stringify([view.settings, view.trail]), this.made)
    } catch (error) {
      if (turn === this.turn) this.unknown = words(error)
    } finally {
      if (turn === this.turn) this.comparing = false
    }
  }

  /** What is drawn so far stays to be seen. */
  stop(): void {
    if (this.condition !== 'drawing') return
    this.halt()
    this.turn++
    this.condition = 'stopped'
  }

  end(): void {
    this.halt()
    this.turn++
  }

  private halt(): void {
    if (this.condition === 'drawing') this.model.forget(KEY)
    if (this.comparing) this.model.forget(COMPARED)
    this.comparing = false
    this.unknown = null
    this.progress = null
  }

  private async asked(turn: number, { kind, what }: DreamAsk): Promise<Made | null> {
    try {
      return (await this.model.ask(KEY, kind as 'dream', { ...what, compare: false } as What<'dream'>, (answer) => {
        if (turn === this.turn)
          this.progress = {
            facts: answer.facts as unknown as ProgressFacts,
            tokens: (answer as unknown as { tokens: Shaped<Int32Array> }).tokens,
          }
      })) as Made | null
    } catch (error) {
      this.fail(turn, words(error))
      return null
    }
  }

  /** An image of the data set or of a person's own, as its tokens: what is done to it begins from these. */
  private async opened(turn: number, of: string): Promise<Made | null> {
    try {
      const answer = await this.model.ask(KEY, 'encode', { of })
      if (!answer || turn !== this.turn) return null
      const prior = this.about.prior!
      const { label, name, notes, psnr } = answer.facts
      const [h, w, c] = answer.reconstruction.shape
      const codes = answer.codes!.data
      const facts = [
        { name: 'image', text: name ?? of },
        ...(label === null ? [] : [{ name: 'label', text: label }]),
        ...notes.map((text) => ({ name: 'note', text })),
        ...(psnr === null ? [] : [{ name: 'PSNR', text: `${psnr.toFixed(1)} dB, as its tokens decode` }]),
      ]
      return {
        ...answer,
        kind: 'dream',
        facts: { what: 'images', title: of, labels: [label], seed: 0, loop: false, fps: 30, compared: true, verdicts: [], facts },
        images: { shape: [1, 1, h, w, c], data: answer.reconstruction.data },
        keys: {
          shape: [1, 1, codes.length / (prior.height * prior.width), prior.height, prior.width],
          data: new Int32Array(codes),
        },
      } as unknown as Made
    } catch (error) {
      this.fail(turn, words(error))
      return null
    }
  }

  private fail(turn: number, problem: Problem): void {
    if (turn !== this.turn) return
    this.problem = problem
    this.progress = null
    this.condition = 'failed'
  }

  private keep(name: string, made: Made): void {
    this.kept.delete(name)
    this.kept.set(name, made)
    for (const old of [...this.kept.keys()].slice(0, -KEPT)) this.kept.delete(old)
  }

  private first(settings: Settings): DreamAsk {
    const prior = this.about.prior!
    const frames = settings.frames === null ? {} : { frames: settings.frames }
    if (settings.mode === 'morph')
      return { kind: 'morph', what: { a: settings.label!, b: settings.to!, ...frames, ...drawing(settings) } }
    const label = settings.label === null ? {} : { label: settings.label }
    return { kind: 'dream', what: { count: settings.count, ...label, ...(moves(prior) ? frames : {}), ...drawing(settings) } }
  }

  private next(settings: Settings, step: Step, before: Made): DreamAsk | null {
    const { images, keys, facts } = before
    if (step.pick >= images.shape[0]) return null
    const [t, ...rest] = keys.shape.slice(1)
    const size = rest.reduce((product, n) => product * n, 1)
    const at = step.pick * t * size
    const own = (settings.mode === 'image' ? settings.label : null) ?? facts.labels[step.pick] ?? null
    const label = own !== null && this.about.prior!.classes.includes(own) ? { label: own } : {}
    const length = images.shape[1] > 1 ? images.shape[1] : settings.frames
    const frames = moves(this.about.prior!) && length !== null ? { frames: length } : {}
    const more = { ...label, ...frames, ...drawing(settings, step.seed) }
    if (step.kind === 'repaint')
      return {
        kind: 'repaint',
        what: {
          tokens: [...keys.data.subarray(at, at + t * size)],
          cells: step.cells,
          count: images.shape[1] > 1 ? 1 : WAYS,
          ...more,
        },
      }
    const key = Math.min(t - 1, step.key) * size
    return { kind: 'continue', what: { tokens: [...keys.data.subarray(at + key, at + key + size)], ...more } }
  }
}

/** How far drawing is, in words. */
export function progressWords(progress: Progress | null, step: number, steps: number): string {
  const which = steps > 1 ? `, step ${step} of ${steps}` : ''
  if (!progress) return `waiting until the model begins${which}`
  const { drawn, passes, share, part } = progress.facts
  if (share >= 1) return `drawn; its images are decoded${which}`
  const how =
    passes === null ? `${Math.round(100 * share)}\u00a0% of the tokens` : `${Math.min(drawn, passes)} of ${passes} passes`
  return `drawing ${how}${part > 1 ? `, part ${part}` : ''}${which}`
}
