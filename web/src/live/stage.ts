import type { Frame } from '../lib/frame'

export type Change = 'motion' | 'images' | 'trails'

/** What the canvases show now: the newest live frames, or one frame of the history. Canvases listen; nothing here is reactive. */
export class Stage {
  motion: Frame | null = null
  images: Images = {}
  private listeners = new Set<(what: Change) => void>()

  listen(listener: (what: Change) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  showMotion(frame: Frame): void {
    this.motion = frame
    this.notify('motion')
  }

  showImages(images: Images): void {
    this.images = images
    this.notify('images')
  }

  notify(what: Change): void {
    for (const listener of this.listeners) listener(what)
  }
}

/** Images come in parts: originals once, reconstructions often, decoded codes when there was time. Each part keeps its frame. */
export interface Images {
  originals?: Frame
  recon?: Frame
  decoded?: Frame
  codemap?: Frame
  nearest?: Frame
  probe?: Frame
  samples?: Frame
  token_bits?: Frame
}

const parts = ['originals', 'recon', 'decoded', 'codemap', 'nearest', 'probe', 'samples', 'token_bits'] as const

export function withFrame(images: Images, frame: Frame): Images {
  const out = { ...images }
  for (const part of parts) if (frame.shapes.has(part)) out[part] = frame
  return out
}
