import { quoted } from '../lib/shell'
import type { RunCard } from '../lib/protocol'

/** What a run is a model of: codes, numbers, or the tokens of another run. */
export type Kind = 'codes' | 'numbers' | 'prior'

export function kindOf(spec: Record<string, unknown>, levels: number): Kind {
  if (spec.parent !== undefined) return 'prior'
  return levels > 0 ? 'codes' : 'numbers'
}

/** The kind of the bottleneck says it where no frame has been seen. */
export function kindOfSpec(spec: Record<string, unknown>): Kind {
  const bottleneck = spec.bottleneck as { kind?: string } | undefined
  return kindOf(spec, ['gaussian', 'none'].includes(bottleneck?.kind ?? '') ? 0 : 1)
}

export interface Line {
  title: string
  about: string
  text: string
}

const string = (text: string): string => JSON.stringify(text) // a Python string as well, but for characters beyond the first plane

/** What can be copied: how its model is used in Python, and the commands that begin with it. */
export function linesFor(card: Pick<RunCard, 'id' | 'folder'>, kind: Kind): Line[] {
  const { folder } = card
  const again: Line = {
    title: 'Train it again',
    about: 'a new run with every setting of this one',
    text: `tilework train ${quoted(`${folder}/spec.yaml`)}`,
  }
  if (kind === 'prior') {
    return [
      { title: 'Dream', about: 'new images from what it has learned', text: `tilework dream ${quoted(folder)} --out dream.png` },
      again,
    ]
  }
  const middle =
    kind === 'codes'
      ? 'codes = model.codes(images)   # (B, levels, h, w) int64'
      : 'codes = model.encode(images)  # (B, D, h, w) float32'
  return [
    {
      title: 'In Python',
      about: 'its best weights, as encoder and decoder',
      text: [
        'import tilework',
        '',
        `model = tilework.load(${string(folder)})`,
        '# images: (B, C, H, W) in [0, 1]',
        middle,
        'again = model.decode(codes)   # (B, C, H, W)',
      ].join('\n'),
    },
    again,
  ]
}
