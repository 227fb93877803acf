import { postBytes, words } from '../lib/api'
import type { Shaped } from '../lib/frame'
import type { ImageResponse, Side } from '../lib/protocol'
import type { Codes } from '../explore/codes'
import { edited } from '../explore/edits'
import { imageData } from '../lib/pixels'
import { isImage, originText, pointText, readPoint, type Point } from '../explore/points'
import { gridOf } from '../explore/session.svelte'
import { worded } from '../explore/worded'
import { equal, perplexities } from './difference'
import type { Entry } from './entry.svelte'

export type By = 'image' | 'point' | 'tokens'

/** What one model makes of it. */
export interface Seen {
  asked: string
  original: Shaped<Uint8Array> | null
  image: Shaped<Uint8Array> | null
  mse: number | null
  psnr: number | null
  kl: number | null
  bits: number | null
  perplexity: number[] // of each level
  why: string // there is no image
  notes: string[]
}

/** The image that all of them are given, as the first that has it sees it. */
interface Lead {
  entry: Entry
  origin: string
  image: Shaped<Uint8Array>
  label: string | null
  name: string | null
  codes: Codes | null
}

export interface Asked {
  by: By
  text: string // a point
  set: string // edits of tokens
}

export const plainImage = (point: Point): boolean => isImage(point.origin) && originText(point.origin) === pointText(point)
const shapeText = (shape: readonly number[]): string => shape.join('\u00a0×\u00a0')
const nothing = (asked: string, why: string): Seen => ({
  asked,
  original: null,
  image: null,
  mse: null,
  psnr: null,
  kl: null,
  bits: null,
  perplexity: [],
  why,
  notes: [],
})

/** The same image, point or tokens through every model; the newest is asked of each as soon as it has answered the one before. */
export class Same {
  seen = $state.raw<ReadonlyMap<Entry, Seen>>(new Map())
  lead = $state.raw<Lead | null>(null)
  private round = 0
  private entries: readonly Entry[] = []
  private readonly shown = new WeakMap<Entry, number>() // the round of what is shown
  private readonly leads = new Map<string, Promise<Lead>>()

  async ask(entries: readonly Entry[], asked: Asked): Promise<void> {
    const round = ++this.round
    this.entries = entries
    const current = (): boolean => round === this.round
    this.seen = new Map([...this.seen].filter(([entry]) => entries.includes(entry)))
    const open = entries.filter((one) => one.about)
    const point = readPoint(asked.text)
    /** Answers of one model come in order: while a slider moves each is shown, also when newer ones were asked for meanwhile. */
    const put = (entry: Entry, found: Seen | null): void => {
      if (!found || round < (this.shown.get(entry) ?? 0) || !this.entries.includes(entry)) return
      this.shown.set(entry, round)
      this.seen = new Map(this.seen).set(entry, found)
    }
    if (!open.length) return
    if (!point) {
      for (const one of open) put(one, nothing(asked.text, `'${asked.text}' is no point: write seed:3, or validation:12;0=1.5`))
      return
    }
    let lead: Lead | null = null
    if (isImage(point.origin)) {
      try {
        lead = await this.leadOf(open, point, asked.by)
      } catch (error) {
        const { what, rest } = worded(words(error))
        for (const one of open) put(one, nothing(asked.text, `${what} ${rest}`))
        return
      }
      if (!current()) return
    }
    this.lead = lead
    const codes =
      asked.by === 'tokens' ? await codesOf(open, point, lead, asked.set).catch((error) => worded(words(error)).what) : null
    await Promise.all(
      open.map(async (entry) => {
        try {
          const origin = lead ? await nameOf(entry, lead) : originText(point.origin)
          if (!current()) return
          if (asked.by === 'tokens')
            put(
              entry,
              typeof codes === 'string' ? nothing(asked.text, codes) : await paintedBy(entry, codes, origin, lead, asked.text),
            )
          else if (asked.by === 'image' && lead) put(entry, await encodedBy(entry, origin, lead, asked.text))
          else put(entry, await decodedBy(entry, open[0], point, origin, asked.text))
        } catch (error) {
          const { what, rest } = worded(words(error))
          put(entry, nothing(asked.text, `${what} ${rest}`))
        }
      }),
    )
  }

  private async leadOf(open: readonly Entry[], point: Point, by: By): Promise<Lead> {
    const origin = originText(point.origin)
    const able = by === 'tokens' ? open.filter((one) => one.about!.levels) : open
    const has = (one: Entry): boolean =>
      point.origin.kind === 'image' || point.origin.number < (one.about!.sides[point.origin.kind as Side] ?? 0)
    const entry = able.find(has) ?? open.find(has) ?? open[0]
    const key = `${entry.text} ${entry.opened} ${origin}`
    const known = this.leads.get(key)
    if (known) return known
    const made = (async (): Promise<Lead> => {
      const answer = await entry.model.ask(`lead ${origin}`, 'encode', { of: origin })
      if (!answer) throw new Error('another image was asked for')
      return {
        entry,
        origin,
        image: answer.image,
        label: answer.facts.label,
        name: answer.facts.name,
        codes: answer.codes ? new Int32Array(answer.codes.data) : null,
      }
    })()
    this.leads.set(key, made)
    made.catch(() => this.leads.delete(key))
    if (this.leads.size > 256) this.leads.delete(this.leads.keys().next().value!)
    return made
  }
}

/** What the leading image is called by another model: its number where that is the same image there, else its pixels are sent. */
async function nameOf(entry: Entry, lead: Lead): Promise<string> {
  if (entry === lead.entry || lead.origin.startsWith('image:')) return lead.origin
  const known = entry.names.get(lead.origin)
  if (known) return known
  const [side, number] = lead.origin.split(':') as [Side, string]
  let name = lead.origin
  const own =
    Number(number) < (entry.about!.sides[side] ?? 0)
      ? await entry.model.ask(`own ${lead.origin}`, 'encode', { of: lead.origin })
      : null
  if (!own || !equal(own.image, lead.image)) {
    const query = new URLSearchParams({ which: entry.model.which, device: entry.model.device, name: `${side}-${number}.png` })
    const sent = await postBytes<ImageResponse>(
      `/api/models/${encodeURIComponent(entry.model.id)}/image?${query}`,
      await pngOf(lead.image),
      'image/png',
    )
    name = `image:${sent.name}`
  }
  entry.names.set(lead.origin, name)
  return name
}

function pngOf(image: Shaped<Uint8Array>): Promise<Blob> {
  const pixels = imageData(image)
  const canvas = document.createElement('canvas')
  canvas.width = pixels.width
  canvas.height = pixels.height
  canvas.getContext('2d')!.putImageData(pixels, 0, 0)
  return new Promise((done, failed) =>
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error('the browser made no PNG'))), 'image/png'),
  )
}

async function encodedBy(entry: Entry, origin: string, lead: Lead, asked: string): Promise<Seen | null> {
  const answer = await entry.model.ask('same', 'encode', { of: origin })
  if (!answer) return null
  const { mse, psnr, kl, bits, notes } = answer.facts
  return {
    asked,
    original: answer.image,
    image: answer.reconstruction,
    mse,
    psnr,
    kl,
    bits,
    why: '',
    perplexity: answer.codes ? perplexities(new Int32Array(answer.codes.data), entry.about!.levels) : [],
    notes: equal(answer.image, lead.image)
      ? origin === lead.origin
        ? [...notes]
        : [`its own data set does not have this image as ${lead.origin.replace(':', ' ')}: the same pixels were sent to it`]
      : [`it sees the image as ${shapeText(answer.image.shape)}`, ...notes],
  }
}

async function decodedBy(entry: Entry, first: Entry, point: Point, origin: string, asked: string): Promise<Seen | null> {
  const byNumber =
    !isImage(point.origin) || point.exact.size + point.bands.size > 0 || point.every !== null || point.muSeed !== null
  const [shape, wanted] = [entry.about!.latent, first.about!.latent]
  if (byNumber && shape.join() !== wanted.join())
    return nothing(
      asked,
      `Not the same point: its latent is ${shapeText(shape)}, that of ${first.choice.id} is ${shapeText(wanted)}. ` +
        'An image can be asked of both.',
    )
  const text = [origin, ...pointText(point).split(';').slice(1)].join(';')
  const answer = await entry.model.ask('same', 'decode', { points: [text] })
  if (!answer) return null
  const image = { shape: answer.images.shape.slice(1), data: answer.images.data }
  return {
    ...nothing(asked, ''),
    image,
    perplexity: answer.codes ? perplexities(new Int32Array(answer.codes.data), entry.about!.levels) : [],
  }
}

/** The tokens that the first model with tokens gives it, edited as the address says; in words why there are none. */
async function codesOf(
  open: readonly Entry[],
  point: Point,
  lead: Lead | null,
  set: string,
): Promise<{ codes: Codes; of: Entry } | string> {
  const of = lead?.codes ? lead.entry : open.find((one) => one.about!.levels)
  if (!of) return 'No tokens: none of these models has a codebook.'
  let codes = lead?.codes ?? null
  if (!codes || !plainImage(point)) {
    const origin = lead ? await nameOf(of, lead) : originText(point.origin)
    const answer = await of.model.ask('codes', 'decode', {
      points: [[origin, ...pointText(point).split(';').slice(1)].join(';')],
      through: 'quantiser',
    })
    if (!answer?.codes) return 'Another point was asked for.'
    codes = new Int32Array(answer.codes.data)
  }
  const read = edited(gridOf(of.about!), codes, set)
  return read.refused.length
    ? `These edits do not fit ${of.choice.id}: ${read.refused.slice(0, 3).join('; ')}. ` +
        `An edit is ${of.about!.levels > 1 ? 'LEVEL,' : ''}ROW,COLUMN=CODE.`
    : { codes: read.codes, of }
}

async function paintedBy(
  entry: Entry,
  tokens: { codes: Codes; of: Entry } | null,
  origin: string,
  lead: Lead | null,
  asked: string,
): Promise<Seen | null> {
  const { levels, latent, codes: many } = entry.about!
  if (!levels) return nothing(asked, 'Its latent is continuous: it has no tokens.')
  const own = gridOf(entry.about!)
  const wanted = gridOf(tokens!.of.about!)
  if (own.levels !== wanted.levels || own.height !== wanted.height || own.width !== wanted.width || own.codes !== wanted.codes)
    return nothing(
      asked,
      `Other tokens: ${levels} × ${latent[1]} × ${latent[2]} of ${many} codes here, ` +
        `${wanted.levels} × ${wanted.height} × ${wanted.width} of ${wanted.codes} of ${tokens!.of.choice.id}.`,
    )
  const answer = await entry.model.ask('same', 'levels', { codes: [...tokens!.codes], ...(lead ? { of: origin } : {}) })
  if (!answer) return null
  const size = answer.images.data.length / levels
  const image = { shape: answer.images.shape.slice(1), data: answer.images.data.subarray((levels - 1) * size) }
  const { bits, mse, psnr } = answer.facts
  return {
    ...nothing(asked, ''),
    original: lead?.image ?? null,
    image,
    mse: mse.at(-1) ?? null,
    psnr: psnr.at(-1) ?? null,
    bits: bits.at(-1) ?? null,
    perplexity: perplexities(tokens!.codes, levels),
  }
}
