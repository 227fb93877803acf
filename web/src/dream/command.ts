import type { PriorFacts } from '../lib/protocol'
import { quoted } from '../lib/shell'
import { drawing, moves, usual, type View } from './settings'

export type Format = 'png' | 'gif' | 'mp4'

/**
 * The shell's line that makes the same dream; null where something was begun with, painted or gone on with by hand, which
 * no line can name.
 */
export function dreamCommand(
  run: string,
  which: string,
  device: string,
  { settings, trail }: View,
  prior: PriorFacts,
  format: Format,
): string | null {
  if (trail.length || settings.of !== null) return null
  const { seed, ...drawn } = drawing(settings)
  const options: [string, string | number | null][] = [
    ['count', settings.count === usual(prior).count ? null : settings.count],
    ['frames', settings.frames],
    ['label', settings.label],
    ['morph', settings.to],
    ...Object.entries(drawn).map(([name, value]): [string, string | number] => [name.replace('_', '-'), value]),
    ['seed', seed],
    ['which', which === 'best' ? null : which],
    ['device', device === 'auto' ? null : device],
  ]
  const given = options.filter(([, value]) => value !== null).flatMap(([name, value]) => [`--${name}`, quoted(String(value))])
  return ['tilework', 'dream', quoted(run), ...given, '--out', `${moves(prior) ? 'loop' : 'dream'}.${format}`].join(' ')
}
