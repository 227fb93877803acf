import { contrast, rgb, type Rgb } from '../scene/palette'

export interface Tone {
  rgb: Rgb
  rim: Rgb | null // an outline in the text colour, where it would hardly stand out from the ground
}

const PHASES = 4 // places of a dot within a pixel, each way: it moves in quarters

interface Masks {
  side: number
  fill: Mask[] // by phase
  rim: Mask[]
}

/** Of a small square, the pixels that are not empty. */
interface Mask {
  x: Int16Array
  y: Int16Array
  opacity: Uint8Array
}

const made = new Map<string, Masks>()

/**
 * A thousand dots by hand: their pixels are blended here into one image, which the canvas then draws in one go.
 *
 * Each dot as a call of its own (arc or drawImage) costs the browser some 10 microseconds where no GPU helps, twice: when it
 * is recorded and when it is painted. That was more than half of what the page took from the training beside it.
 */
export class Cloud {
  private tones = new Map<string, Tone>()
  private ground = ''
  private words = new Uint32Array(0)
  private image: ImageData | null = null
  private readonly canvas = document.createElement('canvas')
  private readonly g = this.canvas.getContext('2d', { willReadFrequently: true })!
  private masks: Masks = { side: 0, fill: [], rim: [] }
  private wide = 0
  private high = 0
  // What was touched: only that is cleared and copied.
  private left = 0
  private top = 0
  private right = 0
  private bottom = 0

  /** An empty cloud of so many device pixels; the radius of its dots is in CSS pixels. */
  begin(wide: number, high: number, radius: number, ratio: number): void {
    this.masks = masksOf(radius, ratio)
    if (wide !== this.wide || high !== this.high || !this.image) {
      this.wide = this.canvas.width = wide
      this.high = this.canvas.height = high
      this.image = new ImageData(wide, high)
      this.words = new Uint32Array(this.image.data.buffer)
    } else if (this.right > this.left) {
      if (this.right - this.left > wide / 2) this.words.fill(0, wide * this.top, wide * this.bottom)
      else for (let row = this.top; row < this.bottom; row++) this.words.fill(0, row * wide + this.left, row * wide + this.right)
    }
    this.left = wide
    this.top = high
    this.right = this.bottom = 0
  }

  /** How dots of a colour look on a ground. */
  tone(colour: string, ground: string, text: string): Tone {
    if (this.ground !== ground) this.tones.clear()
    this.ground = ground
    let tone = this.tones.get(colour)
    if (!tone) this.tones.set(colour, (tone = { rgb: rgb(colour), rim: contrast(colour, ground) < 3 ? rgb(text) : null }))
    return tone
  }

  /** A dot at (x, y) device pixels over what is there. */
  dot(x: number, y: number, tone: Tone, alpha: number): void {
    const { masks } = this
    const { side } = masks
    const half = side >> 1
    const column = Math.floor(x)
    const row = Math.floor(y)
    const phase =
      PHASES * Math.min(PHASES - 1, Math.floor(PHASES * (y - row))) + Math.min(PHASES - 1, Math.floor(PHASES * (x - column)))
    const x0 = column - half
    const y0 = row - half
    if (x0 + side <= 0 || y0 + side <= 0 || x0 >= this.wide || y0 >= this.high) return
    if (x0 < this.left) this.left = Math.max(0, x0)
    if (x0 + side > this.right) this.right = Math.min(this.wide, x0 + side)
    if (y0 < this.top) this.top = Math.max(0, y0)
    if (y0 + side > this.bottom) this.bottom = Math.min(this.high, y0 + side)
    over(this.words, this.wide, this.high, masks.fill[phase], x0, y0, tone.rgb, alpha)
    if (tone.rim) over(this.words, this.wide, this.high, masks.rim[phase], x0, y0, tone.rim, 0.75 * alpha)
  }

  /** Lay the cloud over a canvas of the same size in device pixels. */
  draw(onto: CanvasRenderingContext2D): void {
    const { left, top, right, bottom } = this
    if (right <= left || bottom <= top) return
    this.g.putImageData(this.image!, 0, 0, left, top, right - left, bottom - top)
    this.again(onto)
  }

  /** The same once more, where nothing was begun since. */
  again(onto: CanvasRenderingContext2D): void {
    const { left, top, right, bottom } = this
    if (right <= left || bottom <= top) return
    onto.save()
    onto.setTransform(1, 0, 0, 1, 0, 0)
    onto.globalAlpha = 1
    onto.drawImage(this.canvas, left, top, right - left, bottom - top, left, top, right - left, bottom - top)
    onto.restore()
  }
}

/** One mask in one colour over straight-alpha pixels, the usual "source over", in whole numbers: each pixel is one word. */
export function over(
  words: Uint32Array,
  wide: number,
  high: number,
  mask: Mask,
  x0: number,
  y0: number,
  [r, g, b]: Rgb,
  alpha: number,
): void {
  const { x, y, opacity } = mask
  const most = Math.round(256 * alpha)
  const plain = (b << 16) | (g << 8) | r // the bytes of a word come in this order on every machine with a browser
  for (let i = 0; i < opacity.length; i++) {
    const column = x0 + x[i]
    const row = y0 + y[i]
    if (column < 0 || row < 0 || column >= wide || row >= high) continue
    const at = row * wide + column
    const source = (opacity[i] * most + 128) >> 8 // 0 to 255
    const there = words[at]
    const product = (there >>> 24) * (255 - source) + 128
    const under = (product + (product >> 8)) >> 8 // product / 255, rounded, without a division
    if (under === 0) {
      words[at] = (source << 24) | plain
      continue
    }
    const all = source + under
    const share = ((source << 8) / all) | 0 // of 256
    const red = there & 255
    const green = (there >> 8) & 255
    const blue = (there >> 16) & 255
    words[at] =
      (all << 24) |
      ((blue + (((b - blue) * share + 128) >> 8)) << 16) |
      ((green + (((g - green) * share + 128) >> 8)) << 8) |
      (red + (((r - red) * share + 128) >> 8))
  }
}

/** How much of each pixel a disc and its outline (0.8 CSS pixels wide) cover, for every place of the middle within a pixel. */
export function masksOf(radius: number, ratio: number): Masks {
  const name = `${radius}|${ratio}`
  let masks = made.get(name)
  if (masks) return masks
  const r = radius * ratio
  const side = 2 * Math.ceil(r + 1) + 1
  masks = { side, fill: [], rim: [] }
  for (let phase = 0; phase < PHASES * PHASES; phase++) {
    const cx = (side >> 1) + ((phase % PHASES) + 0.5) / PHASES
    const cy = (side >> 1) + (Math.floor(phase / PHASES) + 0.5) / PHASES
    const away = (x: number, y: number): number => Math.hypot(x + 0.5 - cx, y + 0.5 - cy)
    masks.fill.push(maskOf(side, (x, y) => clamp(r + 0.5 - away(x, y))))
    masks.rim.push(maskOf(side, (x, y) => clamp(0.4 * ratio + 0.5 - Math.abs(away(x, y) - r)) * Math.min(1, 0.8 * ratio)))
  }
  made.set(name, masks)
  return masks
}

function maskOf(side: number, covered: (x: number, y: number) => number): Mask {
  const found: [number, number, number][] = []
  for (let i = 0; i < side * side; i++) {
    const opacity = Math.round(255 * covered(i % side, Math.floor(i / side)))
    if (opacity) found.push([i % side, Math.floor(i / side), opacity])
  }
  return {
    x: Int16Array.from(found, (one) => one[0]),
    y: Int16Array.from(found, (one) => one[1]),
    opacity: Uint8Array.from(found, (one) => one[2]),
  }
}

const clamp = (v: number): number => (v < 0 ? 0 : v > 1 ? 1 : v)
