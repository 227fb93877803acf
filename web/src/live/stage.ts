import type { Frame } from '../lib/frame'

export type Change = 'motion' | 'pictures' | 'trails'

/** What the canvases show now: the newest live frames, or one frame of the history. Canvases listen; nothing here is reactive. */
export class Stage {
  motion: Frame | null = null
  pictures: Pictures = {}
  private listeners = new Set<(what: Change) => void>()

  listen(listener: (what: Change) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  showMotion(frame: Frame): void {
    this.motion = frame
    this.tell('motion')
  }

  showPictures(pictures: Pictures): void {
    this.pictures = pictures
    this.tell('pictures')
  }

  tell(what: Change): void {
    for (const listener of this.listeners) listener(what)
  }
}

/** Pictures come in parts: originals once, reconstructions often, decoded codes when there was time. Each part keeps its frame. */
export interface Pictures {
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

export function withFrame(pictures: Pictures, frame: Frame): Pictures {
  const out = { ...pictures }
  for (const part of parts) if (frame.shapes.has(part)) out[part] = frame
  return out
}
