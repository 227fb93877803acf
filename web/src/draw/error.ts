/** Absolute differences of two batches of images as colours on a fixed scale: black = equal, white = as far apart as can be. */
const stops: [number, number, number, number][] = [
  [0, 8, 8, 14],
  [0.08, 52, 16, 84],
  [0.25, 158, 38, 96],
  [0.5, 240, 112, 52],
  [0.75, 252, 200, 92],
  [1, 255, 255, 240],
]

const ramp = new Uint8Array(256 * 3)
for (let i = 0; i < 256; i++) {
  const at = i / 255
  const upper = Math.max(
    1,
    stops.findIndex(([place]) => place >= at),
  )
  const [a, b] = [stops[upper - 1], stops[upper]]
  const t = (at - a[0]) / (b[0] - a[0])
  for (let c = 0; c < 3; c++) ramp[3 * i + c] = Math.round(a[c + 1] + (b[c + 1] - a[c + 1]) * t)
}

/** The colour of an absolute difference, on [0, 1]. */
export const errorColour = (value: number): [number, number, number] => {
  const place = 3 * Math.round(255 * Math.min(1, Math.max(0, value)))
  return [ramp[place], ramp[place + 1], ramp[place + 2]]
}

/** -> (n, h, w, 3); the largest difference over the channels of each pixel, times a factor. */
export function errorMap(a: Uint8Array, b: Uint8Array, channels: number, pixels: number, factor = 1): Uint8Array {
  const out = new Uint8Array(3 * pixels)
  for (let p = 0; p < pixels; p++) {
    let worst = 0
    for (let c = 0; c < channels; c++) worst = Math.max(worst, Math.abs(a[p * channels + c] - b[p * channels + c]))
    const place = 3 * Math.min(255, factor * worst)
    out.set(ramp.subarray(place, place + 3), 3 * p)
  }
  return out
}

/** Peak signal to noise ratio of values 0 to 255, in dB. */
export function psnr(a: Uint8Array, b: Uint8Array, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += (a[i] - b[i]) ** 2
  return sum === 0 ? Infinity : 10 * Math.log10((255 * 255 * count) / sum)
}
