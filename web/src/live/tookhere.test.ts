import { expect, it } from 'vitest'
import type { RunCard } from '../lib/protocol'
import { secondsHere } from './tookhere'

const card = (more: Partial<RunCard>): RunCard =>
  ({ name: 'rqvae-digits', status: 'finished', step: 100, epoch: 4, seconds: 60, updated: 1, ...more }) as RunCard
const recipe = { name: 'rqvae-digits', epochs: 80, steps: null }

it('a recipe takes as long here as its newest run says, whole or not', () => {
  expect(secondsHere([card({}), card({ seconds: 40, updated: 2 }), card({ seconds: 9, updated: 0 })], recipe)).toBe(800)
  expect(secondsHere([card({ status: 'stopped' })], { ...recipe, epochs: null, steps: 500 })).toBe(300)
})
it('runs of another name, and those that hardly began, say nothing', () => {
  expect(secondsHere([card({ name: 'other' }), card({ step: 5 }), card({ epoch: 0 }), card({ seconds: 0 })], recipe)).toBeNull()
  expect(secondsHere([card({})], { ...recipe, epochs: null })).toBeNull()
})
