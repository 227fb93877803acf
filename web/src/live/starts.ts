import { count } from '../lib/format'

/** What each stage of a start does. The server knows them by name; one that is new here is shown as it is. */
const TEXTS: Record<string, string> = {
  '': 'starting its process',
  torch: 'loading torch',
  data: 'reading the data, building the model',
  images: 'preparing images',
  tokens: 'encoding images to tokens',
  preflight: 'checks before the run',
  codes: 'placing the codes among the data',
}

export const stageText = (stage: string, done: number, total = 0): string =>
  `${TEXTS[stage] ?? stage.replaceAll('-', ' ')}${total > 0 ? `: ${count(done)} of ${count(total)}` : done > 0 ? `: ${count(done)}` : ''}`
