/** Ten classes: the petroff10 palette, made to stay apart for every kind of colour vision. */
export const petroff10 = [
  '#3f90da',
  '#ffa90e',
  '#bd1f01',
  '#94a4a2',
  '#832db6',
  '#a96b59',
  '#e76300',
  '#b9ac70',
  '#717581',
  '#92dadd',
] as const

export type Rgb = [number, number, number]

export function rgb(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16)
  return [n >> 16, (n >> 8) & 255, n & 255]
}

export const hex = ([r, g, b]: Rgb): string => `#${((1 << 24) | (r << 16) | (g << 8) | b).toString(16).slice(1)}`

/** `share` of `over` on `under`, as one opaque colour: opaque fills are the cheapest that a canvas can do. */
export function mix(over: string, under: string, share: number): string {
  const a = rgb(over)
  const b = rgb(under)
  return hex([0, 1, 2].map((i) => Math.round(a[i] * share + b[i] * (1 - share))) as Rgb)
}

function luminance(colour: string): number {
  const [r, g, b] = rgb(colour).map((v) => {
    const c = v / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

/** A colour for each of `n` classes. Up to ten are petroff10; more are spread over hue at three lightnesses. */
export function classColours(n: number): string[] {
  if (n <= petroff10.length) return petroff10.slice(0, Math.max(1, n))
  return Array.from({ length: n }, (_, i) => wheel(i, n))
}

/** A colour for each code: neighbours in index lie far apart in hue. */
export function codeColours(n: number): string[] {
  return Array.from({ length: n }, (_, i) => codeColour(i))
}

/** The colour of one code: the same wherever it is shown. */
export const codeColour = (i: number): string => oklch(0.72 - 0.11 * (i % 3), 0.125, (i * 137.508) % 360)

function wheel(i: number, n: number): string {
  return oklch(0.7 - 0.12 * (i % 3), 0.14, (i * 360) / n)
}

function oklch(l: number, c: number, degrees: number): string {
  const a = c * Math.cos((degrees * Math.PI) / 180)
  const b = c * Math.sin((degrees * Math.PI) / 180)
  const l3 = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m3 = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s3 = (l - 0.0894841775 * a - 1.291485548 * b) ** 3
  const linear = [
    4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3,
    -1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3,
    -0.0041960863 * l3 - 0.7034186147 * m3 + 1.707614701 * s3,
  ]
  return hex(
    linear.map((v) => {
      const x = Math.min(1, Math.max(0, v))
      return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055))
    }) as Rgb,
  )
}
