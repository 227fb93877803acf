import { describe, expect, it } from 'vitest'
import type { ExplainSection, TextPiece } from '../lib/protocol'
import { neighbour, overridesIn, rowsOf, stagesOf } from './stages'

const line = (text: string): TextPiece[] => [{ text, mark: 'text', strong: false, term: '' }]

describe('the facts of a stage', () => {
  const sections: ExplainSection[] = [
    {
      heading: 'The network',
      tone: '',
      blocks: [
        { kind: 'paragraph', line: line('...') },
        {
          kind: 'table',
          heads: ['part', 'stage', 'sees'],
          numbers: [],
          rows: [
            { key: 'encoder.conv', tone: '', cells: [line('encoder'), line('conv'), line('3x3')] },
            { key: '', tone: '', cells: [line('all')] },
          ],
        },
      ],
    },
    {
      heading: 'Metrics',
      tone: '',
      blocks: [
        {
          kind: 'table',
          heads: ['metric'],
          numbers: [],
          rows: [
            { key: 'encoder.conv', tone: '', cells: [line('other')] },
            { key: 'psnr', tone: '', cells: [line('')] },
          ],
        },
      ],
    },
  ]
  const rows = rowsOf({ sections })

  it('is the row of its name in the first table that has one', () => {
    expect(rows.get('encoder.conv')!.map((fact) => `${fact.head}: ${fact.cell[0].text}`)).toEqual(['part: encoder', 'sees: 3x3'])
  })
  it('without what is empty or only its name', () => {
    expect(rows.get('psnr')).toEqual([])
    expect(rows.has('')).toBe(false)
  })
})

it('arrows go from stage to stage and stop at the ends', () => {
  const keys = ['image', 'a', 'b']
  expect([
    neighbour(keys, 'image', 'ArrowRight'),
    neighbour(keys, 'b', 'ArrowRight'),
    neighbour(keys, 'image', 'ArrowLeft'),
    neighbour(keys, 'a', 'End'),
    neighbour(keys, 'a', 'x'),
  ]).toEqual(['a', 'b', 'image', 'b', null])
})

it('overrides stand in the address', () => {
  expect(overridesIn('bottleneck.codes=32\nencoder.dense=[128, 64]')).toEqual(['bottleneck.codes=32', 'encoder.dense=[128, 64]'])
  expect(overridesIn(undefined)).toEqual([])
})

describe('the stages of a drawing', () => {
  const stage = (key: string, side: string): string =>
    `<g class="stage" tabindex="0" data-stage="${key}" data-side="${side}"></g>`

  it('are read from it, and its latent stands for it', () => {
    expect(stagesOf(stage('image', 'image') + stage('encoder.out', 'encoder') + stage('bottleneck', 'latent'))).toEqual({
      keys: ['image', 'encoder.out', 'bottleneck'],
      main: 'bottleneck',
    })
  })
  it('without a latent the middle one, and of nothing none', () => {
    expect(stagesOf(stage('tokens', '') + stage('block 1', '') + stage('next', '')).main).toBe('block 1')
    expect(stagesOf('')).toEqual({ keys: [], main: '' })
  })
})
