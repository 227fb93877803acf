import type { OpenModel } from './model.svelte'

/** What a page waits for, in words, until a model has answered what it is. */
export function waitsFor({ link, state }: Pick<OpenModel, 'link' | 'state'>): string {
  if (link === 'locked' || link === 'lost') return 'Not connected to the studio'
  if (link === 'connecting' || !state) return 'Connecting to the studio…'
  if (state.state === 'starting') return 'Starting: PyTorch is being loaded…'
  if (state.state === 'loading') return 'Loading: the checkpoint is being read…'
  return state.state === 'ready' ? 'Loaded: asking what the model is…' : 'Not open'
}
