import { quoted } from '../lib/shell'
import type { By } from './same.svelte'
import { letter, shellName, type Choice } from './models'

const inQuotes = (text: string): string => (/^[\w.:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

/** The shell's line for the same comparison; an image of one's own stands in it by its name, for its file. */
export function compareCommand(choices: readonly Choice[], by: By, at: string, set: string, device: string): string {
  const file = by === 'image' && at.startsWith('image:') ? at.slice('image:'.length) : null
  const what = file !== null ? ['--image', inQuotes(file)] : ['--at', inQuotes(at)]
  const tokens =
    by === 'tokens'
      ? [
          '--tokens',
          ...set
            .split(';')
            .map((one) => one.trim())
            .filter(Boolean)
            .flatMap((one) => ['--set', inQuotes(one)]),
        ]
      : []
  return [
    'tilework',
    'compare',
    ...choices.map((one) => quoted(shellName(one))),
    ...what,
    ...tokens,
    ...(device === 'auto' ? [] : ['--device', device]),
    '--out',
    'compare.html',
  ].join(' ')
}

/** A line for each model: a sheet of its samples of the same seeds. */
export const sampleCommands = (choices: readonly Choice[], seed: number, many: number, device: string): string =>
  choices
    .map(({ id, which }, i) =>
      [
        'tilework',
        'sample',
        quoted(id),
        '--seed',
        String(seed),
        '--count',
        String(many),
        ...(which === 'best' ? [] : ['--which', shellName({ id: '', which }).slice(1)]),
        ...(device === 'auto' ? [] : ['--device', device]),
        '--out',
        `samples-${letter(i).toLowerCase()}.png`,
      ].join(' '),
    )
    .join('\n')
