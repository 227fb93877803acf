import { describe, expect, it } from 'vitest'
import type { MetricEntry } from '../lib/protocol'
import { Table } from '../live/curves'
import { chosenAtFirst, linesOf } from './groups'
import { labelled } from './labels'
import { Metrics } from './metrics'
import { onOneAxis, smooth } from './smooth'
import { rangeOf, ticks } from './ticks'

const metric = (name: string, group: MetricEntry['group'], more: Partial<MetricEntry> = {}): MetricEntry => ({
  name,
  label: name.toUpperCase(),
  group,
  unit: '',
  reduction: 'mean',
  better: null,
  part: null,
  measured: 'both',
  window: '',
  decimals: null,
  headline: null,
  most: '',
  term: false,
  setting: false,
  help: '',
  ...more,
})
const every = [
  metric('loss', 'loss', { label: 'loss', headline: 100 }),
  metric('lr', 'optimisation', { setting: true }),
  metric('weight', 'optimisation', { label: 'loss weight', part: 'term', setting: true }),
  metric('grad_norm', 'optimisation'),
]
const window = { part: 'level', window: 'last 100 steps' } as const
const autoencoder = new Metrics([
  ...every,
  metric('psnr', 'quality', { unit: 'dB', headline: 2 }),
  metric('mse', 'quality', { headline: 1 }),
  metric('kl', 'loss', { part: 'dimension' }),
  metric('commitment', 'loss'),
  metric('perplexity', 'codebook', { label: 'perplexity', headline: 3, ...window }),
  metric('used', 'codebook', window),
])
const tokens = new Metrics([
  ...every,
  metric('nll', 'quality', { unit: 'nats/token', headline: 1 }),
  metric('accuracy', 'quality', { label: 'accuracy', headline: 2 }),
])

describe('curves', () => {
  it('smoothing starts unbiased and steps over gaps', () => {
    expect(smooth([2, null, 2], 0.9)).toEqual([2, null, 2])
    expect(smooth([1, 3], 0)).toEqual([1, 3])
    expect(smooth([0, 1], 0.5)[1]).toBeCloseTo(2 / 3)
  })
  it('of different steps share one axis', () => {
    expect(
      onOneAxis([
        { step: [0, 10], values: [1, 2] },
        { step: [5], values: [3] },
      ]),
    ).toEqual([
      [0, 5, 10],
      [1, null, 2],
      [null, 3, null],
    ])
  })
  it('on a logarithmic axis have round marks', () => {
    expect(ticks(14.4, 320, 80)).toEqual([30, 100, 300])
    expect(ticks(14.4, 320, 250)).toEqual([20, 50, 100, 200])
    expect(ticks(0.001, 10, 100)).toEqual([0.001, 0.01, 0.1, 1, 10])
    expect(ticks(1e-8, 10, 60)).toEqual([1e-6, 0.001, 1])
  })
  it('are grouped so that one scale serves them', () => {
    const train = ['loss', 'mse', 'commitment', 'weight.mse', 'lr', 'grad_norm', 'perplexity.1', 'used.1']
    const losses = linesOf('losses', train, ['loss', 'psnr'], autoencoder)
    expect(losses.map((line) => line.key)).toEqual(['t.loss', 't.mse', 't.commitment', 'v.loss', 'w.mse'])
    expect(losses.at(-1)!.times).toBe('weight.mse')
    expect(chosenAtFirst('losses', losses, autoencoder)).toEqual(['t.loss', 't.mse', 't.commitment', 'v.loss'])
    expect(linesOf('codebook', train, [], autoencoder).map((line) => line.series)).toEqual(['perplexity.1', 'used.1'])
    expect(linesOf('optimiser', train, [], autoencoder).map((line) => line.series)).toEqual(['lr', 'weight.mse', 'grad_norm'])
    expect(chosenAtFirst('optimiser', linesOf('optimiser', train, [], autoencoder), autoencoder)).toEqual(['t.lr', 't.grad_norm'])
  })
  it('of training and of validation have different names', () => {
    const both = linesOf('codebook', ['perplexity.1', 'perplexity.2'], ['perplexity.1', 'perplexity.2', 'kl.1'], autoencoder)
    expect(both.map((line) => line.name)).toEqual([
      'perplexity, level 1, last 100 steps',
      'perplexity, level 2, last 100 steps',
      'validation perplexity, level 1',
      'validation perplexity, level 2',
    ])
    expect([autoencoder.label('weight.mse', 'train'), autoencoder.label('kl.5', 'val')]).toEqual([
      'loss weight of mse',
      'validation KL, dimension 5',
    ])
  })
  it('of a task that the page does not know are shown as the run names them', () => {
    const quality = linesOf('quality', ['loss', 'lr'], ['accuracy', 'nll'], tokens)
    expect(quality.map((line) => line.name)).toEqual(['validation NLL', 'validation accuracy'])
    expect(chosenAtFirst('quality', quality, tokens)).toEqual(['v.nll'])
    expect(tokens.headlinesFirst(['loss', 'accuracy', 'nll', 'odd_one'])).toEqual(['nll', 'accuracy', 'loss', 'odd_one'])
    expect(linesOf('losses', ['loss', 'odd_one'], [], tokens).map((line) => line.name)).toEqual(['loss', 'odd one'])
  })
})

describe('changes are named in the plot', () => {
  it('to the right of their line, at the border to the left', () => {
    expect(labelled([{ text: 'a', x: 10, wide: 40 }], 0, 200, 5)).toEqual([{ text: 'a', left: 15, row: 0 }])
    expect(labelled([{ text: 'a', x: 190, wide: 40 }], 0, 200, 5)).toEqual([{ text: 'a', left: 145, row: 0 }])
  })
  it('never over each other: the older one goes lower, or is left out', () => {
    const close = [10, 12, 14].map((x) => ({ text: String(x), x, wide: 40 }))
    expect(labelled(close, 0, 200, 5)).toEqual([
      { text: '14', left: 19, row: 0 },
      { text: '12', left: 17, row: 1 },
    ])
  })
  it('and not where they have no place', () => {
    expect(
      labelled(
        [
          { text: 'left of it', x: -4, wide: 10 },
          { text: 'too wide', x: 5, wide: 300 },
        ],
        0,
        200,
        5,
      ),
    ).toEqual([])
  })
})

describe('an axis', () => {
  it('reaches over its own lines alone', () => {
    expect(
      rangeOf(
        [
          [2, 3, null],
          [undefined, 4],
        ],
        false,
      ),
    ).toEqual([2 - 0.12, 4.12])
    expect(rangeOf([], false)).toEqual([0, 1])
  })
})

describe('a table of rows', () => {
  it('grows, fills what is new with gaps, and takes no step twice', () => {
    const table = new Table({ step: [0, 10], epoch: [0, 1], series: { loss: [3, 2] } })
    table.append({ step: [10, 20], epoch: [1, 2], series: { loss: [9, 1], mse: [9, 0.5] } })
    expect(table.step).toEqual([0, 10, 20])
    expect(table.series.get('loss')).toEqual([3, 2, 1])
    expect(table.series.get('mse')).toEqual([null, null, 0.5])
  })
  it('is thinned, its newest rows last', () => {
    const table = new Table(undefined, 100)
    for (let step = 0; step < 500; step++) table.append({ step: [step], epoch: [0], series: { loss: [step] } })
    expect(table.step.length).toBeLessThanOrEqual(100)
    expect(table.step.at(-1)).toBe(499)
    expect(table.series.get('loss')).toEqual(table.step)
  })
})
