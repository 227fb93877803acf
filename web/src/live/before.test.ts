import { expect, it } from 'vitest'
import type { CheckEntry } from '../lib/protocol'
import { stagesOf, startStages, summary } from './before'
import { stageText } from './starts'

const check = (code: string, verdict: CheckEntry['verdict']): CheckEntry => ({ code, verdict, what: code, why: '', fix: '' })
const checks = {
  checks: [check('a', 'passed'), check('b', 'warning'), check('c', 'not-checked'), check('d', 'passed')],
  seconds: 3,
}

it('the checks in one line', () => {
  expect(summary(checks)).toEqual({ text: '2 of 4 checks before the run passed, 1 warning, 1 not made', warns: true })
  expect(summary({ checks: [check('a', 'passed')], seconds: 1 })).toEqual({
    text: '1 of 1 checks before the run passed',
    warns: false,
  })
  expect(summary({ checks: [], seconds: 0 }).text).toBe('no checks before the run')
})

it('the stages before the first step', () => {
  const states = (begun: Partial<Parameters<typeof stagesOf>[0]>): string =>
    stagesOf({ checks, placesCodes: true, codesPlaced: false, validated: false, ...begun })
      .map((one) => one.state)
      .join(' ')
  expect(states({})).toBe('done done done now next next')
  expect(states({ codesPlaced: true })).toBe('done done done done now next')
  expect(states({ codesPlaced: true, validated: true })).toBe('done done done done done now')
  expect(states({ placesCodes: false, checks: null })).toBe('done done done now next')
})

it('a start in words', () => {
  expect([stageText('', 0), stageText('images', 1240), stageText('preflight', 3), stageText('what-is-new', 0)]).toEqual([
    'starting its process',
    'preparing images: 1,240',
    'checks before the run: 3',
    'what is new',
  ])
  expect([stageText('images', 340, 1797), stageText('preflight', 0, 9)]).toEqual([
    'preparing images: 340 of 1,797',
    'checks before the run: 0 of 9',
  ])
})

it('a start and its run have one list: what a start has done stays done', () => {
  const lines = (stage: string, done = 0, total = 0): string[] =>
    startStages({ stage, done, total }).map((one) => `${one.state} ${one.text}`)
  expect(lines('torch')[0]).toBe('now loading torch')
  expect(lines('images', 340, 1797).slice(0, 3)).toEqual([
    'done process started, torch loaded',
    'now preparing images: 340 of 1,797',
    'next checks before the run',
  ])
  expect(lines('preflight', 3, 9).slice(0, 3)).toEqual([
    'done process started, torch loaded',
    'done data read, model built',
    'now checks before the run: 3 of 9',
  ])
  expect(lines('what-is-new')[1]).toBe('now what is new')
  const then = stagesOf({ checks, placesCodes: false, codesPlaced: false, validated: false }).map((one) => one.text)
  expect(
    startStages({ stage: '', done: 0, total: 0 })
      .slice(1)
      .map((one) => one.text),
  ).toEqual([then[1], 'checks before the run', ...then.slice(3)])
  expect(then[0]).toBe('process started, torch loaded')
})
