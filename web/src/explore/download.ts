import { at } from '../lib/address'
import { Refused } from '../lib/api'
import type { AskKind, Asks, ErrorResponse } from '../lib/protocol'
import type { OpenModel, What } from './model.svelte'

/**
 * A file that the model's process makes of an ask, saved by the browser under the name that the studio gives it. Rejects
 * with `Refused`.
 */
export async function download<K extends AskKind>(
  model: OpenModel,
  kind: K,
  what: What<K>,
  format: 'png' | 'gif' | 'mp4' | 'html',
): Promise<string> {
  const query = new URLSearchParams({ which: model.which, device: model.device })
  const ask = { kind, ...what } as unknown as Asks[K]
  const response = await fetch(at(`/api/models/${encodeURIComponent(model.id)}/file?${query}`), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ask, format }),
  })
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as Partial<ErrorResponse> | null
    throw new Refused(body?.error ?? { what: `the server answered ${response.status}`, why: '', fix: '' }, response.status)
  }
  const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? `${kind}.${format}`
  const url = URL.createObjectURL(await response.blob())
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
  return name
}
