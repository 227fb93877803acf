import { postBytes } from '../lib/api'
import type { ImageResponse } from '../lib/protocol'
import type { OpenModel } from './model.svelte'

/** Images of a person's own that the studio keeps until it ends, newest first: known to every page. */
class Own {
  names = $state.raw<string[]>([])

  /** Send an image; its origin. Rejects with `Refused` where it is none, or too large. */
  async send(model: OpenModel, file: File): Promise<string> {
    const query = new URLSearchParams({ which: model.which, device: model.device, name: file.name })
    const { name } = await postBytes<ImageResponse>(
      `/api/models/${encodeURIComponent(model.id)}/image?${query}`,
      file,
      file.type || 'image/x-unknown',
    )
    this.names = [name, ...this.names.filter((one) => one !== name)]
    return `image:${name}`
  }
}

export const own = new Own()

/** The first file of what was dropped or pasted; null where there is none. */
export function fileOf(data: DataTransfer | null): File | null {
  const files = [...(data?.files ?? [])]
  return files.find((file) => file.type.startsWith('image/')) ?? files[0] ?? null
}
