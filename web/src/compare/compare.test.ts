import { describe, expect, it } from 'vitest'
import { compareCommand, sampleCommands } from './command'
import { difference, largest, perplexities, signedColour } from './difference'
import { sameImages, type Known } from './linked'
import { another, readChoice, readChoices, shellName, writeChoices } from './models'

const image = (values: number[], channels = 1) => ({
  shape: [1, values.length / channels, channels],
  data: Uint8Array.from(values),
})

describe('what is compared, in the address', () => {
  it('is a run, or a checkpoint of it as the shell names it', () => {
    expect(readChoice('vae-digits')).toEqual({ id: 'vae-digits', which: 'best' })
    expect(readChoice('vae@step-00000120')).toEqual({ id: 'vae', which: 'step-00000120' })
    expect(readChoice('vae@120')).toEqual({ id: 'vae', which: '120' })
    expect(readChoice('me@home')).toEqual({ id: 'me@home', which: 'best' })
    expect(shellName({ id: 'vae', which: 'step-00000120' })).toBe('vae@120')
    expect(shellName({ id: 'vae', which: 'step-00000000' })).toBe('vae@0')
  })
  it('names each checkpoint once, in order, and is read as it was written', () => {
    const choices = readChoices({ a: 'x', b: 'x@last', more: 'y,x@best,z@best,' })
    expect(choices.map((one) => `${one.id} ${one.which}`)).toEqual(['x best', 'x last', 'y best', 'z best'])
    expect(writeChoices(choices)).toEqual({ a: 'x', b: 'x@last', more: 'y,z' })
    expect(writeChoices([])).toEqual({ a: null, b: null, more: null })
  })
  it('takes a checkpoint that is not there yet where a run is added again', () => {
    const saved = ['step-00000010', 'step-00000020']
    expect(another('x', [{ id: 'y', which: 'best' }], saved).which).toBe('best')
    expect(another('x', [{ id: 'x', which: 'best' }], saved).which).toBe('step-00000010')
    expect(
      another(
        'x',
        [
          { id: 'x', which: 'best' },
          { id: 'x', which: 'step-00000010' },
        ],
        saved,
      ).which,
    ).toBe('step-00000020')
  })
})

describe('a difference', () => {
  it('is amplified, and ends where its scale does', () => {
    const [a, b] = [image([0, 100, 255]), image([0, 90, 0])]
    expect([...difference(a, b, 1, false)!.data]).toEqual([...difference(image([0, 10, 255]), image([0, 0, 0]), 1, false)!.data])
    expect([...difference(a, b, 8, false)!.data.subarray(3, 6)]).toEqual([...difference(image([80]), image([0]), 1, false)!.data])
    expect([...difference(a, b, 16, false)!.data.subarray(6)]).toEqual([...difference(a, b, 1, false)!.data.subarray(6)])
    expect(largest(a, b)).toBe(1)
  })
  it('has a sign where that is asked for', () => {
    const found = difference(image([10, 0, 5]), image([0, 10, 5]), 4, true)!.data
    expect([...found.subarray(0, 3)]).toEqual(signedColour(40 / 255))
    expect([...found.subarray(3, 6)]).toEqual(signedColour(-40 / 255))
    expect([...found.subarray(6)]).toEqual(signedColour(0))
  })
  it('is not there between images of different sizes', () => {
    expect(difference(image([1, 2]), image([1]), 1, false)).toBeNull()
    expect(difference(image([1, 2, 3], 3), image([1, 2, 3]), 1, true)).toBeNull()
  })
})

it('perplexity is how many codes a level uses, as if all were used equally often', () => {
  expect(perplexities(Int32Array.from([1, 1, 1, 1, 0, 1, 2, 3]), 2).map((value) => Number(value.toFixed(6)))).toEqual([1, 4])
})

describe('maps', () => {
  const known = (labels: number[], pixels = [1, 2], total = labels.length): Known => ({
    map: {
      facts: { total },
      numbers: { shape: [], data: Int32Array.from(labels.map((_, i) => i)) },
      sides: { shape: [], data: new Uint8Array(labels.length) },
      labels: { shape: [], data: Int16Array.from(labels) },
    } as unknown as Known['map'],
    pixels: { shape: [2, 1, 1, 1], data: Uint8Array.from(pixels) },
    image: [1, 1, 1],
  })
  it('are linked where a number is the same image to both', () => {
    expect(sameImages(known([3, 4]), known([3, 4]))).toBe(true)
    expect(sameImages(known([3, 4]), known([4, 3]))).toBe(false)
    expect(sameImages(known([3, 4]), known([3, 4], [9, 2]))).toBe(false)
    expect(sameImages(known([3, 4]), { ...known([3, 4], [9, 2]), image: [2, 2, 1] })).toBe(true)
    expect(sameImages(known([3, 4]), known([3, 4], [1, 2], 3))).toBe(false)
  })
})

it('the command names checkpoints, points, files and edits as the shell reads them', () => {
  const choices = [
    { id: 'a', which: 'best' },
    { id: 'b', which: 'step-00000030' },
  ]
  expect(compareCommand(choices, 'image', 'validation:3', '', 'auto')).toBe(
    'tilework compare a b@30 --at validation:3 --out compare.html',
  )
  expect(compareCommand(choices, 'point', "seed:3;0=1.5;it's>b*1", '', 'cpu')).toBe(
    "tilework compare a b@30 --at 'seed:3;0=1.5;it'\\''s>b*1' --device cpu --out compare.html",
  )
  expect(compareCommand(choices, 'image', 'image:my-cat-0a', '', 'auto')).toBe(
    'tilework compare a b@30 --image my-cat-0a --out compare.html',
  )
  expect(compareCommand(choices, 'tokens', 'validation:3', '1,0,*=5; 2,1-2,3=7', 'auto')).toBe(
    "tilework compare a b@30 --at validation:3 --tokens --set '1,0,*=5' --set '2,1-2,3=7' --out compare.html",
  )
})

it('samples are a line for each model', () => {
  const choices = [
    { id: 'a', which: 'best' },
    { id: 'b', which: 'step-00000030' },
  ]
  expect(sampleCommands(choices, 5, 16, 'auto')).toBe(
    'tilework sample a --seed 5 --count 16 --out samples-a.png\ntilework sample b --seed 5 --count 16 --which 30 --out samples-b.png',
  )
})
