import { describe, expect, it } from 'vitest'
import {
  bandOf,
  inMode,
  isDrawn,
  modeOf,
  noiseSeed,
  randomised,
  release,
  reset,
  setAlong,
  setBand,
  setExact,
  withSeed,
} from './moves'
import { joinPoints, pointText, readPoint, splitPoints } from './points'

const read = (text: string) => readPoint(text)!

describe('a point as text', () => {
  it.each([
    'zero',
    'seed:7',
    'validation:12;0=1.5;3=-0.25',
    'seed:3;*~0,1;mu@5;eps@9;2~1.5,0.2;0=1;pc1*-2;4>9*0.5',
    'image:a%3Bb.png',
    'train:0;x%2Ay>b%25*1',
  ])('is read and written: %s', (text) => {
    expect(pointText(read(text))).toBe(text)
  })

  it.each([
    '',
    'nowhere',
    'seed:',
    'seed:-1',
    'seed:1;x',
    'seed:1;0=NaN',
    'seed:1;0=1e9',
    'seed:1;0~1',
    'seed:1;0~1,-1',
    'seed:1;*=3',
    'seed:1;pc0*1',
    'seed:1;a>*1',
  ])('is refused where it is none: %s', (text) => {
    expect(readPoint(text)).toBeNull()
  })

  it('has at most four places', () => expect(pointText(setExact(read('zero'), 2, 1.23456789))).toBe('zero;2=1.2346'))

  it('stands among others in one value of the address', () => {
    const points = ['seed:1;a|b>c*1', 'zero']
    expect(splitPoints(joinPoints(points))).toEqual(points)
    expect(splitPoints(undefined)).toEqual([])
  })
})

describe('the modes', () => {
  it('follow from what is said', () => {
    expect(
      ['seed:1', 'zero', 'validation:3', 'seed:1;2=1', 'seed:1;*~0,1', 'zero;1~0,1'].map((text) => modeOf(read(text))),
    ).toEqual(['prior', 'exact', 'exact', 'exact', 'band', 'band'])
  })

  it('keep the noise when they change', () => {
    expect(pointText(inMode(read('seed:4'), 'band'))).toBe('seed:4;*~0,1')
    expect(pointText(inMode(read('seed:4;*~0,1;2~1,0.5'), 'exact'))).toBe('seed:4;*~0,1;2~1,0.5')
    expect(pointText(inMode(read('seed:4;*~0,1;2~1,0.5'), 'prior'))).toBe('seed:4')
  })

  it('tell mu and sigma of each dimension', () => {
    const point = read('seed:4;*~0.5,2;1~1,0.5;2=3')
    expect([0, 1, 2].map((d) => bandOf(point, d, 9))).toEqual([
      { mu: 0.5, sigma: 2 },
      { mu: 1, sigma: 0.5 },
      { mu: 3, sigma: 0 },
    ])
    expect(bandOf(read('seed:4'), 0, 9)).toEqual({ mu: 0, sigma: 1 })
    expect(bandOf(read('validation:4'), 0, 9)).toEqual({ mu: 9, sigma: 0 })
    expect(bandOf(read('seed:4;mu@2'), 0, 9)).toEqual({ mu: 9, sigma: 1 })
  })
})

describe('moves', () => {
  it('name a dimension once', () => {
    const point = setBand(setExact(read('zero'), 1, 2), 1, { mu: 1, sigma: 0.5 })
    expect(pointText(point)).toBe('zero;1~1,0.5')
    expect(pointText(setExact(point, 1, 0))).toBe('zero;1=0')
    expect(pointText(release(point, 1))).toBe('zero')
  })

  it('keep a direction in its place, and leave it out at 0', () => {
    const point = read('zero;pc1*1;4>9*2')
    expect(pointText(setAlong(point, { principal: 1, amount: -1 }))).toBe('zero;pc1*-1;4>9*2')
    expect(pointText(setAlong(point, { principal: 1, amount: 0 }))).toBe('zero;4>9*2')
    expect(pointText(setAlong(point, { principal: 2, amount: 1 }))).toBe('zero;pc1*1;4>9*2;pc2*1')
  })

  it('draw anew', () => {
    expect(pointText(withSeed(read('seed:1;0=2'), 5))).toBe('seed:5;0=2')
    expect(pointText(withSeed(read('validation:1;0~2,1'), 5))).toBe('validation:1;eps@5;0~2,1')
    expect(noiseSeed(read('validation:1;eps@5'))).toBe(5)
    expect([read('seed:1'), read('zero'), read('zero;0~1,0'), read('zero;0~1,1'), read('zero;*~0,1')].map(isDrawn)).toEqual([
      true,
      false,
      false,
      true,
      true,
    ])
    expect(pointText(reset(read('seed:1;0=2'), 'exact'))).toBe('zero')
    expect(pointText(reset(read('seed:1;0~2,1;pc1*2'), 'band'))).toBe('seed:1;*~0,1')
    expect(pointText(randomised(read('seed:1;*~0,0.5;2~1,1'), 8))).toBe('seed:1;*~0,0.5;mu@8')
  })
})
