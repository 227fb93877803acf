import type { ArrayPlace, Arrays, DType, Header } from './protocol'

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

const text = new TextDecoder()
const kinds = { f4: Float32Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array }
type Kinds = Record<DType, unknown> & { f4: Float32Array; i4: Int32Array; i2: Int16Array; u1: Uint8Array }

export function decodeFrame(buffer: ArrayBuffer): Frame {
  if (buffer.byteLength < 4) throw new Error('frame: shorter than its length')
  const length = new DataView(buffer).getUint32(0, true)
  const base = 4 + length
  if (base > buffer.byteLength) throw new Error('frame: shorter than its header')
  const header = JSON.parse(text.decode(new Uint8Array(buffer, 4, length))) as Header
  const places = new Map<string, ArrayPlace>(header.arrays.map((place) => [place.name, place]))

  function view<D extends DType>(name: string, dtype: D): Kinds[D] | null {
    const place = places.get(name)
    if (!place) return null
    if (place.dtype !== dtype) throw new Error(`frame: ${name} is ${place.dtype}, not ${dtype}`)
    const count = place.shape.reduce((product, n) => product * n, 1)
    const begin = base + place.offset
    const kind = kinds[dtype] as unknown as { new (b: ArrayBuffer, o: number, n: number): Kinds[D]; BYTES_PER_ELEMENT: number }
    if (begin % kind.BYTES_PER_ELEMENT === 0) return new kind(buffer, begin, count)
    const bytes = count * kind.BYTES_PER_ELEMENT // a header that was not padded: the one case that needs a copy
    return new kind(buffer.slice(begin, begin + bytes), 0, count)
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
