/** Frames for tests, packed as the trainer packs them. */
type Place = ['f4' | 'i4' | 'i2' | 'u1', number[], number[]]
const kinds = { f4: Float32Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array }

export function packed(header: Record<string, unknown>, arrays: Record<string, Place>): ArrayBuffer {
  const places: unknown[] = []
  const parts: Uint8Array[] = []
  let at = 0
  for (const [name, [dtype, shape, values]] of Object.entries(arrays)) {
    const data = new Uint8Array(kinds[dtype].from(values).buffer)
    places.push({ name, dtype, shape, offset: at })
    const part = new Uint8Array(Math.ceil(data.length / 8) * 8)
    part.set(data)
    parts.push(part)
    at += part.length
  }
  let text = JSON.stringify({ ...header, arrays: places })
  while ((4 + new TextEncoder().encode(text).length) % 8) text += ' '
  const head = new TextEncoder().encode(text)
  const out = new Uint8Array(4 + head.length + at)
  new DataView(out.buffer).setUint32(0, head.length, true)
  out.set(head, 4)
  let to = 4 + head.length
  for (const part of parts) {
    out.set(part, to)
    to += part.length
  }
  return out.buffer
}
