import { quoted } from '../lib/shell'
import type { Past } from './past'
import { originText, type Origin } from './points'

/** Which checkpoint and device, where they are not those that a command takes by itself. */
const opened = (which: string, device: string): string[] => [
  ...(which === 'best' ? [] : ['--which', quoted(which)]),
  ...(device === 'auto' ? [] : ['--device', device]),
]

const passing = (past: Past): string[] => (past.through ? ['--through', past.through] : [])

export const sampleCommand = (run: string, which: string, device: string, point: string, past: Past = {}): string =>
  [
    'tilework',
    'sample',
    quoted(run),
    '--at',
    `'${point.replaceAll("'", `'\\''`)}'`,
    ...passing(past),
    ...opened(which, device),
    '--out',
    'image.png',
  ].join(' ')

export interface WalkOptions {
  frames: number
  how: 'linear' | 'spherical'
  ease: boolean
  loop: boolean
}

export function walkCommand(
  run: string,
  which: string,
  device: string,
  points: readonly string[],
  walk: WalkOptions,
  format: 'gif' | 'mp4' | 'png',
  past: Past = {},
): string {
  const options = [
    '--frames',
    String(walk.frames),
    ...(walk.how === 'linear' ? [] : ['--how', walk.how]),
    ...(walk.ease ? ['--ease'] : []),
    ...(walk.loop ? ['--loop'] : []),
  ]
  return [
    'tilework',
    'interpolate',
    quoted(run),
    ...points.map((text) => `'${text.replaceAll("'", `'\\''`)}'`),
    ...options,
    ...passing(past),
    ...opened(which, device),
    '--out',
    `walk.${format}`,
  ].join(' ')
}

/** Whether a command can name it: an image that was sent to the studio is a file of the person's own, which only they can name. */
export const isSent = (origin: Origin): boolean => originText(origin).startsWith('image:')
