import { describe, expect, it } from 'vitest'
import type { FindingEntry, FixEntry } from '../lib/protocol'
import { changesOf, foldOf, sorted } from './findings'
import { plots, type Judged } from './spark'

const finding = (code: string, severity: FindingEntry['severity'] = 'warning', because = ''): FindingEntry => ({
  code,
  severity,
  step: 10,
  measured: 1,
  threshold: 2,
  values: {},
  evidence: { series: [], split: 'val', steps: null, image: '' },
  fix: null,
  because,
  title: code,
  cause: '',
  advice: '',
})
const codes = (list: FindingEntry[]): string[] => list.map((one) => one.code)

describe('findings are sorted for the card', () => {
  it('causes first, what follows from one behind it', () => {
    const found = sorted([
      finding('lr', 'error'),
      finding('blur'),
      finding('collapse', 'error', 'lr'),
      finding('grid', 'warning', 'blur'),
      finding('bound', 'info'),
    ])
    expect(found.first?.code).toBe('lr')
    expect(codes(found.follows)).toEqual(['collapse'])
    expect(codes(found.others)).toEqual(['blur', 'grid'])
    expect(codes(found.notes)).toEqual(['bound'])
    expect(['lr', 'collapse', 'grid', 'bound', 'none'].map((code) => foldOf(code, found))).toEqual([
      'first',
      'follows',
      'others',
      'notes',
      null,
    ])
  })

  it('nothing is lost where a cause is not there, or is only good to know', () => {
    const found = sorted([finding('bound', 'info'), finding('collapse', 'error', 'bound')])
    expect(found.first?.code).toBe('collapse')
    expect(codes(found.notes)).toEqual(['bound'])
  })
})

it('a fix says what each setting is and becomes', () => {
  const fix: FixEntry = {
    changes: {
      'optimizer.lr': 0.0003,
      'bottleneck.revival': {},
      'engine.early_stopping': { patience: 3 },
      'decoder.final_relu': false,
      'objective.lpips': null,
    },
    overrides: [],
    keep_weights: false,
    command: '',
  }
  const spec = {
    optimizer: { lr: 0.001 },
    bottleneck: { revival: null },
    decoder: { final_relu: true },
    objective: { lpips: { weight: 1 } },
  }
  expect(changesOf(fix, spec)).toEqual([
    { path: 'optimizer.lr', before: '0.001', after: '0.0003' },
    { path: 'bottleneck.revival', before: 'none', after: 'on' },
    { path: 'engine.early_stopping', before: 'default', after: '{patience: 3}' },
    { path: 'decoder.final_relu', before: 'true', after: 'false' },
    { path: 'objective.lpips', before: '{weight: 1}', after: 'none' },
  ])
})

describe('the evidence as small lines', () => {
  const series = [{ name: 'perplexity', step: [0, 100, 200], values: [12, 2, 1] }]
  const judged = (step: number, measured: number | null, threshold: number | null): Judged => ({ step, measured, threshold })

  it('from the first step to the last, with its threshold and where it begins', () => {
    const [found] = plots(series, null, judged(100, 1, 1.5), 100, 10)
    expect(found.lines[0].path).toBe('M0.0 0.0L50.0 9.1L100.0 10.0')
    expect(found.since).toBe(0.5)
    expect(found.threshold).toBeCloseTo(0.955, 2)
  })
  it('of the steps that matter alone, and without what is no number', () => {
    expect(
      plots([{ name: 'a', step: [0, 100, 200, 300], values: [NaN, 2, null, 1] }], [100, 300], judged(100, 1, null), 100, 10)[0]
        .lines[0].path,
    ).toBe('M0.0 0.0L100.0 10.0')
    expect(plots(series, [150, 300], judged(0, 1, null), 100, 10)).toEqual([])
    expect(plots([{ name: 'a', step: [], values: [] }], null, judged(0, 1, null), 100, 10)).toEqual([])
  })
  it('without a threshold of another scale, or that another number was held against', () => {
    const mse = [{ name: 'mse', step: [0, 100], values: [0.02, 0.05] }]
    expect(plots(mse, null, judged(0, 0.05, 1.1), 100, 10)[0].threshold).toBeNull()
    expect(plots(mse, null, judged(0, 2.5, 0.03), 100, 10)[0].threshold).toBeNull()
    expect(plots(mse, null, judged(0, 0.05, 0.03), 100, 10)[0].threshold).not.toBeNull()
  })
  it('each metric on a scale of its own over the same steps, its parts together', () => {
    const found = plots(
      [
        { name: 'kl', step: [0, 100], values: [0.4, 0.03] },
        { name: 'active_units', step: [0, 50], values: [6, 0] },
        { name: 'used.1', step: [0, 100], values: [1, 2] },
        { name: 'used.2', step: [0, 100], values: [3, 4] },
      ],
      null,
      judged(50, 0.03, 0.5),
      100,
      10,
    )
    expect(found.map((one) => one.lines.map((line) => line.name))).toEqual([['kl'], ['active_units'], ['used.1', 'used.2']])
    expect(found.map((one) => [one.low, one.high])).toEqual([
      [0.03, 0.5],
      [0, 6],
      [1, 4],
    ])
    expect(found[1].lines[0].path).toBe('M0.0 0.0L50.0 10.0')
    expect(found.map((one) => one.threshold === null)).toEqual([false, true, true])
  })
})
