import { describe, expect, it } from 'vitest'
import type { TermEntry } from '../lib/protocol'
import { Glossary } from './glossary'

const term = (name: string, also: string[] = [], related: string[] = []): TermEntry => ({
  name,
  title: name,
  text: '',
  formula: '',
  source: '',
  related,
  also,
  purpose: '',
})

const glossary = new Glossary([
  term('perplexity', ['codebook perplexity'], ['codebook', 'nothing-known']),
  term('codebook'),
  term('codebook-loss'),
  term('commitment-loss', ['commitment']),
  term('tokens-per-code', ['N/K']),
  term('learning-rate', ['lr']),
])

describe('a term is found', () => {
  it('however it is written', () => {
    expect(['Perplexity', 'codebook_perplexity', ' n/k ', 'Tokens per code'].map((word) => glossary.find(word)?.name)).toEqual([
      'perplexity',
      'perplexity',
      'tokens-per-code',
      'tokens-per-code',
    ])
    expect(glossary.find('perplex')).toBeUndefined()
  })

  it('by a series, with or without its level', () => {
    expect(glossary.ofSeries('perplexity.2', false)?.name).toBe('perplexity')
    expect(glossary.ofSeries('codebook', true)?.name).toBe('codebook-loss')
    expect(glossary.ofSeries('codebook', false)?.name).toBe('codebook')
    expect(glossary.ofSeries('perplexity', true)?.name).toBe('perplexity')
  })

  it('by the path of a setting', () => {
    expect(glossary.ofSetting('objective.commitment')?.name).toBe('commitment-loss')
    expect(glossary.ofSetting('objective.codebook.weight')?.name).toBe('codebook-loss')
    expect(glossary.ofSetting('optimizer.lr')?.name).toBe('learning-rate')
    expect(glossary.ofSetting('optimizer.betas')).toBeUndefined()
  })

  it('by another, of those that there are', () => {
    expect(glossary.related(glossary.find('perplexity')!).map((one) => one.name)).toEqual(['codebook'])
  })
})
