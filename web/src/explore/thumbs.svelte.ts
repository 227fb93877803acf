import type { Side } from '../lib/protocol'
import type { OpenModel } from './model.svelte'
import { imageData } from '../lib/pixels'

/** A small image of the data set, as a page shows it. */
export interface Thumb {
  origin: string
  pixels: ImageData
  label: string | null
  name: string | null
}

const AT_ONCE = 128
const MOST = 4096 // kept; those seen longest ago are let go of

/** What a person sees of an image, in words: `validation 12 · seven · img_0012.png`. */
export const titleOf = (one: { origin: string; label?: string | null; name?: string | null }): string =>
  [one.origin.replace(':', ' '), one.label, one.name].filter(Boolean).join(' · ')

/** Small images by number, fetched as they come into view. */
export class Thumbs {
  have = $state.raw(new Map<string, Thumb>())

  constructor(
    private readonly model: OpenModel,
    private readonly key: string,
  ) {}

  get(side: Side, number: number): Thumb | undefined {
    return this.have.get(`${side}:${number}`)
  }

  /** Fetch what is not there of these; what was wanted before and is not yet asked for is forgotten. */
  async want(side: Side, numbers: number[]): Promise<void> {
    const lacking = numbers.filter((n) => !this.have.has(`${side}:${n}`)).slice(0, AT_ONCE)
    if (!lacking.length) return
    await this.model.show(this.key, 'images', { side, numbers: lacking }, ({ thumbs, facts }) => {
      const found = lacking.map((n, i) => thumb(`${side}:${n}`, imageData(thumbs, i), facts.labels[i], facts.names[i]))
      this.keep(found)
      if (numbers.length > AT_ONCE) void this.want(side, numbers)
    })
  }

  keep(found: Thumb[]): void {
    const all = [...this.have, ...found.map((one): [string, Thumb] => [one.origin, one])]
    this.have = new Map(all.slice(-MOST))
  }
}

export const thumb = (origin: string, pixels: ImageData, label: string | null, name: string | null): Thumb => ({
  origin,
  pixels,
  label,
  name,
})
