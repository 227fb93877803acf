import type { ChecksResponse, StartStage } from '../lib/protocol'
import { stageText } from './starts'

/** A stage between the start of a run and its first step. */
export interface Stage {
  text: string
  state: 'done' | 'now' | 'next'
  warns: boolean
}

/** What is known of a run that has no frame yet. */
export interface Begun {
  checks: ChecksResponse | null // null while they are asked for
  placesCodes: boolean
  codesPlaced: boolean
  validated: boolean
}

const LOADED = 'process started, torch loaded'
/** Which line of the list each stage of a start is; one that is not known yet has its words in the line of the data. */
const LINES: Record<string, number> = { '': 0, torch: 0, preflight: 2 }

/** The stages of a start that has no run yet: the same list as that of its run, so that one page becomes the other. */
export function startStages({ stage, done, total }: Pick<StartStage, 'stage' | 'done' | 'total'>): Stage[] {
  const now = LINES[stage] ?? 1
  return [LOADED, 'data read, model built', 'checks before the run', 'first validation', 'first step'].map((text, i) => ({
    text: i === now ? stageText(stage, done, total) : text,
    state: i < now ? 'done' : i === now ? 'now' : 'next',
    warns: false,
  }))
}

/** The stages of a run before its first step. Data and checks are over when the run's folder is there. */
export function stagesOf(begun: Begun): Stage[] {
  const checks = begun.checks ? summary(begun.checks) : null
  const done: [string, boolean, boolean][] = [
    [LOADED, true, false],
    ['data read, model built', true, false],
    [checks?.text ?? 'checks before the run', true, checks?.warns ?? false],
    ...(begun.placesCodes ? [['codes placed among the data', begun.codesPlaced, false] as [string, boolean, boolean]] : []),
    ['first validation', begun.validated, false],
    ['first step', false, false],
  ]
  const now = done.findIndex(([, over]) => !over)
  return done.map(([text, over, warns], i) => ({ text, state: over ? 'done' : i === now ? 'now' : 'next', warns }))
}

/** One line about the checks: `8 of 9 checks passed, 1 warning`. */
export function summary({ checks }: ChecksResponse): { text: string; warns: boolean } {
  if (!checks.length) return { text: 'no checks before the run', warns: false }
  const many = (verdict: string): number => checks.filter((one) => one.verdict === verdict).length
  const bad = many('warning') + many('failed')
  const rest = [
    bad ? `${bad} ${bad === 1 ? 'warning' : 'warnings'}` : '',
    many('not-checked') ? `${many('not-checked')} not made` : '',
  ].filter(Boolean)
  return { text: [`${many('passed')} of ${checks.length} checks before the run passed`, ...rest].join(', '), warns: bad > 0 }
}
