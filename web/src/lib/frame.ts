import type { ResponseArrays, ResponseHeader, ArrayPlace, Arrays, AskKind, DType, Facts, Header } from './protocol'

export type ArrayName = keyof Arrays
/** The names of the arrays of one type. */
export type Named<D extends DType> = { [N in ArrayName]: Arrays[N] extends D ? N : never }[ArrayName]

/** One frame: its header, and its arrays as views into the received bytes (nothing is copied). */
export interface Frame {
  header: Header
  shapes: Map<ArrayName, number[]>
  f4(name: Named<'f4'>): Float32Array | null
  i4(name: Named<'i4'>): Int32Array | null
  i2(name: Named<'i2'>): Int16Array | null
  u1(name: Named<'u1'>): Uint8Array | null
}

/** An array with its shape. */
export interface Shaped<T> {
  shape: number[]
  data: T
}

/** What an open model answered: its facts, and its arrays by name. */
export type ModelResponse<K extends AskKind> = {
  kind: K
  channel: 'response' | 'progress' // `progress`: what is there so far, with facts and arrays of its own
  ref: number
  ms: number
  facts: Facts[K]
} & { [N in keyof ResponseArrays[K]]: Shaped<Kinds[Extract<Exclude<ResponseArrays[K][N], undefined>, DType>]> }

const text = new TextDecoder()
const kinds = { f4: Float32Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array }
type Kinds = Record<DType, unknown> & { f4: Float32Array; i4: Int32Array; i2: Int16Array; u1: Uint8Array }

export function decodeFrame(buffer: ArrayBuffer): Frame {
  const { header, base } = opened<Header>(buffer)
  const places = new Map<string, ArrayPlace>(header.arrays.map((place) => [place.name, place]))

  function view<D extends DType>(name: string, dtype: D): Kinds[D] | null {
    const place = places.get(name)
    if (!place) return null
    if (place.dtype !== dtype) throw new Error(`frame: ${name} is ${place.dtype}, not ${dtype}`)
    return viewed(buffer, base, place) as Kinds[D]
  }

  return {
    header,
    shapes: new Map(header.arrays.map((place) => [place.name as ArrayName, place.shape])),
    f4: (name) => view(name, 'f4'),
    i4: (name) => view(name, 'i4'),
    i2: (name) => view(name, 'i2'),
    u1: (name) => view(name, 'u1'),
  }
}

export function decodeResponse(buffer: ArrayBuffer): ModelResponse<AskKind> {
  const { header, base } = opened<ResponseHeader>(buffer)
  const arrays = header.arrays.map((place) => [place.name, { shape: place.shape, data: viewed(buffer, base, place) }])
  const { kind, channel, ref, ms, facts } = header
  return { kind, channel, ref, ms, facts, ...Object.fromEntries(arrays) } as unknown as ModelResponse<AskKind>
}

function opened<H extends { arrays: ArrayPlace[] }>(buffer: ArrayBuffer): { header: H; base: number } {
  if (buffer.byteLength < 4) throw new Error('frame: shorter than its length')
  const length = new DataView(buffer).getUint32(0, true)
  const base = 4 + length
  if (base > buffer.byteLength) throw new Error('frame: shorter than its header')
  return { header: JSON.parse(text.decode(new Uint8Array(buffer, 4, length))) as H, base }
}

function viewed(buffer: ArrayBuffer, base: number, place: ArrayPlace): Kinds[DType] {
  const count = place.shape.reduce((product, n) => product * n, 1)
  const begin = base + place.offset
  const kind = kinds[place.dtype] as unknown as {
    new (b: ArrayBuffer, o: number, n: number): Kinds[DType]
    BYTES_PER_ELEMENT: number
  }
  if (begin % kind.BYTES_PER_ELEMENT === 0) return new kind(buffer, begin, count)
  const bytes = count * kind.BYTES_PER_ELEMENT // a header that was not padded: the one case that needs a copy
  return new kind(buffer.slice(begin, begin + bytes), 0, count)
}
