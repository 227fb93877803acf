import { describe, expect, it } from 'vitest'
import { at, socketAt, writtenTwice } from './address'
import { age, bytes, duration, figure, percent, sentences } from './format'
import { decodeFrame } from './frame'
import { packed } from './packed'
import { makeHash, parseHash, runPath, withKept } from './route.svelte'
import { PAGES, pageOf } from '../pages'
import { unknownOf } from '../addresses'
import { complaint, sliderText, STEPS, toPosition, toValue, typed } from './slider'

describe('a share', () => {
  it('that is little is not nothing', () => {
    expect([0, 0.00002, 0.00006, 0.5, 1].map((share) => percent(share, 2))).toEqual([
      '0.00\u00a0%',
      '<\u00a00.01\u00a0%',
      '0.01\u00a0%',
      '50.00\u00a0%',
      '100.00\u00a0%',
    ])
  })
})

describe('an address of a route', () => {
  it('that was gone back to has what was kept since', () => {
    expect(withKept({ at: 'seed:1', keys: 'seed:1' }, { at: 'seed:2', keys: 'seed:1|seed:2', loop: '1' })).toEqual({
      at: 'seed:1',
      keys: 'seed:1|seed:2',
      loop: '1',
    })
    expect(withKept({ at: 'seed:1', keys: 'seed:1' }, { at: 'seed:2' })).toEqual({ at: 'seed:1' })
  })

  it('begins where the document is, whatever view is open', () => {
    expect(at('/api/runs', 'http://127.0.0.1:7860/#/runs/x?at=4')).toBe('http://127.0.0.1:7860/api/runs')
    const behind = 'https://hub.example.org/user/some%40one/proxy/7860/?token=x#/new'
    expect(at('/api/compare?a=1', behind)).toBe('https://hub.example.org/user/some%40one/proxy/7860/api/compare?a=1')
    expect(socketAt('/ws/runs', behind)).toBe('wss://hub.example.org/user/some%40one/proxy/7860/ws/runs')
    expect(socketAt('/ws/runs', 'http://localhost:9000/')).toBe('ws://localhost:9000/ws/runs')
  })

  it('is found where a proxy has written its path twice', () => {
    expect(writtenTwice('/user/x/proxy/7860/user/x/proxy/7860/')).toBe('/user/x/proxy/7860/')
    for (const path of ['/', '/a/', '/a/b/', '//', '/a/ba/b/', '/a/a/a/']) expect(writtenTwice(path)).toBeNull()
  })
})

describe('a frame', () => {
  it('is decoded as views into the bytes that came', () => {
    const buffer = packed(
      { step: 7, channel: 'motion' },
      { points: ['f4', [1, 2], [1.5, -2]], labels: ['i2', [1], [3]], recon: ['u1', [3], [1, 2, 255]] },
    )
    const frame = decodeFrame(buffer)
    expect(frame.header.step).toBe(7)
    expect([...frame.f4('points')!]).toEqual([1.5, -2])
    expect([...frame.i2('labels')!]).toEqual([3])
    expect([...frame.u1('recon')!]).toEqual([1, 2, 255])
    expect(frame.f4('points')!.buffer).toBe(buffer)
    expect(frame.i4('assigned')).toBeNull()
    expect(() => frame.i4('points' as never)).toThrow('points is f4')
  })

  it('that is cut short is refused', () => {
    expect(() => decodeFrame(new ArrayBuffer(2))).toThrow()
    expect(() => decodeFrame(packed({}, {}).slice(0, 6))).toThrow()
  })
})

describe('a slider', () => {
  const log = { low: 1e-5, high: 1e-1, scale: 'log' as const, value: 1 }
  const offLog = { low: 0, high: 1, scale: 'off-log' as const, value: 1 }
  it('keeps its ends', () => {
    for (const range of [log, offLog, { low: -1, high: 3, scale: 'linear' as const, value: 1 }]) {
      expect(toValue(0, range)).toBeCloseTo(range.low)
      expect(toValue(STEPS, range)).toBeCloseTo(range.high)
      expect(toPosition(range.high, range)).toBe(STEPS)
      expect(toPosition(range.low, range)).toBe(0)
    }
  })
  it('comes back to where it was', () => {
    for (const range of [log, offLog])
      for (const at of [1, 50, 213, 399]) expect(Math.abs(toPosition(toValue(at, range), range) - at)).toBeLessThanOrEqual(1)
  })
  it('spans a weight from well below what it starts with to a hundred, with off at the left end', () => {
    const weight = (value: number) => ({ low: 0, high: 100, scale: 'off-log' as const, value })
    expect(toValue(1, weight(0.25))).toBeCloseTo(0.01)
    expect(toValue(1, weight(5))).toBeCloseTo(0.01)
    expect([toValue(0, weight(5)), toValue(STEPS, weight(5))]).toEqual([0, 100])
    expect(toValue(1, weight(1e-4)) / 1e-5).toBeCloseTo(1)
    expect(toPosition(10, weight(1))).toBeGreaterThan(toPosition(1, weight(1)) + 80)
  })
  it('complains of what cannot be set, and of nothing else', () => {
    const range = { low: 0, high: 100, scale: 'off-log' as const, value: 1 }
    expect(['10', '0,5', 'off', '1e2', '0'].map((text) => complaint(text, range))).toEqual(['', '', '', '', ''])
    expect(complaint('abc', range)).toBe('“abc” is not a number')
    expect(complaint('101', range)).toBe('101 is out of range: 0 to 100')
    expect(complaint('-1', range)).toContain('out of range')
    expect(complaint(' ', range)).toBe('a number is needed')
  })
  it('says off at the left end', () => {
    expect(sliderText(0, offLog)).toBe('off')
    expect(sliderText(0, { low: 0, high: 1, scale: 'linear', value: 1 })).toBe('0')
    expect(sliderText(0.001, log)).toBe('1.0e-3')
  })
  it('takes numbers and off, and nothing else', () => {
    expect([typed('0,5'), typed(' 1e-3 '), typed('off'), typed('much'), typed('NaN'), typed('')]).toEqual([
      0.5,
      1e-3,
      0,
      null,
      null,
      null,
    ])
  })
})

describe('an address', () => {
  it('holds a view and gives it back', () => {
    const hash = makeHash('/runs/a%20b', { view: 'sum', at: '40', code: null })
    expect(hash).toBe('#/runs/a%20b?view=sum&at=40')
    expect(parseHash(hash)).toEqual({ page: 'live', id: 'a b', query: { view: 'sum', at: '40' } })
  })
  it('leads to every page', () => {
    for (const page of PAGES) {
      const route = parseHash(page.of === 'run' ? `#${runPath('a/b', page.name)}?x=1` : `#/${page.name}?x=1`)
      expect([pageOf(route.page, route.id), route.id, route.query.x]).toEqual([page, page.of === 'run' ? 'a/b' : '', '1'])
    }
  })
  it('that is nonsense is the list of runs', () => {
    const { page, id } = parseHash('#/nothing/here')
    expect(pageOf(page, id).name).toBe('runs')
    expect(pageOf('live', '').name).toBe('runs') // a page of a run, without a run
    expect(pageOf('compare', 'a-run').name).toBe('runs')
    expect(parseHash('#/runs/%E0%A4%A').id).toBe('%E0%A4%A')
  })
})

describe('sentences', () => {
  it('begin large, end with a stop, and none comes twice', () =>
    expect(sentences('its process has ended', 'resume goes on from step 800', '', 'its process has ended')).toEqual([
      'Its process has ended.',
      'Resume goes on from step 800.',
    ]))
  it('leave the names of settings as they are', () =>
    expect(sentences('bottleneck.codes is 4096', 'why?')).toEqual(['bottleneck.codes is 4096.', 'Why?']))
})

describe('figures', () => {
  it('are short', () => {
    expect([0.0123456, 1e-5, 13.149, 4812, 0, null].map((v) => figure(v))).toEqual([
      '0.0123',
      '1.0e-5',
      '13.1',
      '4,812',
      '0',
      '–',
    ])
    expect([duration(5), duration(3700), age(1234), bytes(1234567)]).toEqual(['5 s', '1 h 1 min', '1.2 s', '1.2 MB'])
  })
})

describe('what of an address its page does not follow', () => {
  const unknown = (hash: string): string[] => {
    const route = parseHash(hash)
    return unknownOf(pageOf(route.page, route.id), route)
  }
  it('is unknown by its name', () => {
    expect(unknown('#/')).toEqual([])
    expect(unknown('#/runs/x/latent?at=seed:7&view=rows&which=last')).toEqual([])
    expect(unknown('#/runs/x/latent?colour=red')[0]).toContain('“colour”')
    expect(unknown('#/runs/x/tokens?constructor=1')[0]).toContain('“constructor”')
    expect(unknown('#/runs/x/latent?view=cube')[0]).toContain('image, rows, plane, map')
    expect(unknown('#/nowhere?x=1')).toEqual(['there is no page “nowhere”'])
    expect(unknown('#/runs/x/nowhere')).toEqual(['there is no page “nowhere”'])
  })
  it('holds of every page that it names', () => {
    for (const page of PAGES) expect(Object.keys(page.address).length).toBeGreaterThan(0)
  })
})
