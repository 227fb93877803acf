/** Which series belong together on one chart: figures of one kind, so that one scale serves them all. */
export type Group = 'losses' | 'quality' | 'codebook' | 'optimiser'
export const GROUPS: { key: Group; text: string }[] = [
  { key: 'losses', text: 'Loss' },
  { key: 'quality', text: 'Quality' },
  { key: 'codebook', text: 'Codes' },
  { key: 'optimiser', text: 'Optimiser' },
]

export interface Line {
  key: string // what the address calls it: `t.mse`, `w.mse` (weighted), `v.mse`
  name: string
  split: 'train' | 'val'
  series: string
  times: string | null // the series of weights it is multiplied by
}

const quality = new Set(['mse', 'psnr', 'ssim', 'lpips', 'l1'])
const notLosses = /^(weight\.|perplexity|used|idle|codes$|duplicates|code_norm|quantisation_error|z_norm|grad_norm|lr$|nonfinite|steps_per_second|tokens|revived|active|psnr|ssim|bits)/
const codebook = /^(perplexity|used|idle|codes$|duplicates|quantisation_error|revived|active|code_norm|kl_per|bits)/
const optimiser = /^(lr$|grad_norm|nonfinite|steps_per_second|z_norm|weight\.)/

/** The lines that a group offers, given what was logged. */
export function linesOf(group: Group, train: Iterable<string>, val: Iterable<string>): Line[] {
  const trained = [...train]
  const held = [...val]
  const line = (split: 'train' | 'val', series: string): Line => ({
    key: `${split === 'train' ? 't' : 'v'}.${series}`,
    name: readable(series),
    split,
    series,
    times: null,
  })
  if (group === 'losses') {
    const terms = trained.filter((name) => !notLosses.test(name)).sort(lossFirst)
    const weighted = terms
      .filter((name) => trained.includes(`weight.${name}`))
      .map((name) => ({ ...line('train', name), key: `w.${name}`, name: `${readable(name)} × weight`, times: `weight.${name}` }))
    return [...terms.map((name) => line('train', name)), ...held.filter((name) => name === 'loss').map((name) => line('val', name)), ...weighted]
  }
  if (group === 'quality') return [...held.filter((name) => quality.has(name)).map((name) => line('val', name)), ...trained.filter((name) => quality.has(name)).map((name) => line('train', name))]
  const wanted = group === 'codebook' ? codebook : optimiser
  return [...trained.filter((name) => wanted.test(name)).map((name) => line('train', name)), ...held.filter((name) => wanted.test(name)).map((name) => line('val', name))]
}

/** What is drawn before anyone chose: a handful that belong on one scale. */
export function chosenAtFirst(group: Group, lines: Line[]): string[] {
  const keys = lines.map((line) => line.key)
  if (group === 'losses') return keys.filter((key) => key.startsWith('t.') || key === 'v.loss')
  if (group === 'quality') return keys.includes('v.psnr') ? ['v.psnr'] : keys.slice(0, 2)
  if (group === 'codebook') return keys.filter((key) => /^[tv]\.perplexity/.test(key))
  return keys.filter((key) => key === 't.lr' || key === 't.grad_norm')
}

/** What was set and not measured: its curve has corners, and smoothing would tell of values that it never had. */
export const isSetting = (series: string): boolean => /^(lr$|weight\.|codes$)/.test(series)

const lossFirst = (a: string, b: string): number => Number(b === 'loss') - Number(a === 'loss')

/** Figures in the order in which the list of runs gives them, the others after them by name. */
const told = ['psnr', 'mse', 'loss', 'perplexity']
export function inOrder(names: Iterable<string>): string[] {
  const rank = (name: string): number => (told.indexOf(name.split('.')[0]) + told.length + 1) % (told.length + 1)
  return [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, 'en', { numeric: true }))
}

export function readable(series: string): string {
  const [name, level] = series.split('.')
  const words = name.replaceAll('_', ' ')
  if (name === 'kl' && level) return `kl, dimension ${level}`
  if (name === 'weight') return `weight of ${level}`
  return !level ? words : /^\d+$/.test(level) ? `${words}, level ${level}` : `${words} ${level}`
}
