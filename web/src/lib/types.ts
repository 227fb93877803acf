/** What the server sends, as docs/studio.md describes it. */

export type Status = 'running' | 'paused' | 'finished' | 'stopped' | 'crashed' | 'foreign' | 'deleted' | 'preparing'

export interface RunCard {
  id: string
  name: string
  status: Status
  problem: string | null
  step: number
  epoch: number
  total_steps: number | null
  total_epochs: number | null
  val: Record<string, number | null>
  val_step: number | null // where they were measured
  headlines: Headline[] // those of them that stand for the run
  remarks: string[] // what these say against the codebook
  created: number
  updated: number
  seconds: number
  size_bytes: number
  spark: { step: number[]; loss: (number | null)[] }
  thumb: string | boolean | null
}

export interface Headline {
  label: string
  unit: string
  values: (number | null)[] // one a level, or one
  most: number | null // the largest possible one
}

/** One kind of number that a run measures: tilework.metrics, as plain data. */
export interface Metric {
  name: string
  label: string
  group: 'quality' | 'loss' | 'codebook' | 'latent' | 'optimisation' | 'speed' | 'fact'
  unit: string
  part: 'level' | 'dimension' | 'term' | 'set' | null // what stands after the dot of a series' name
  window: string // what a training value is measured over, where that is not the steps between two rows
  headline: number | null
  better: 'lower' | 'higher' | null
  most: string
  setting: boolean // set and not measured
  help: string
}

export interface Steerable {
  name: string
  label: string
  value: number
  low: number
  high: number
  scale: 'linear' | 'log' | 'off-log'
  help: string
}

export interface Mark {
  id: number
  step: number
  time: number
  kind: string
  text: string
}

export interface Applied {
  id: number
  kind: string
  step: number
  status: string
  name?: string | null
  before?: number | null
  value?: number | null
  message?: string | null
}

export interface View {
  kind: 'plane' | 'pca'
  dim: number
  levels: number
  codes: number
  grid: [number, number]
  variance: number[] | null
  points_of: 'window' | 'probe'
  points_fixed?: number // of the window, those that stand in until training has filled it
  fixed?: boolean // the codes are not learnt: they stay where they are
  classes: string[]
}

export interface Header {
  v: number
  channel: 'motion' | 'pictures' | 'timeline'
  seq: number
  time: number
  step: number
  epoch: number
  total_steps: number | null
  steps_per_epoch: number
  state: string
  steps_per_second: number | null
  pace: number | null
  values: Record<string, number>
  applied: Applied[]
  figures: Record<string, number | null>
  next: string | null
  cost: { motion_ms?: number; pictures_ms?: number; share?: number } | null
  view: View
  arrays: ArrayPlace[]
}

export interface ArrayPlace {
  name: string
  dtype: 'f4' | 'i4' | 'i2' | 'u1'
  shape: number[]
  offset: number
}

export interface Rows {
  step: number[]
  epoch: number[]
  series: Record<string, (number | null)[]>
}

export interface Curves {
  train: Rows
  val: Rows
}

export interface Problem {
  what: string
  why?: string
  fix?: string
}

export interface FieldError extends Problem {
  field: string
}

export interface RunState {
  status: string
  message?: string | null
  resume?: boolean
  command?: string | null // the line to type that goes on with it
}

export type ServerMessage =
  | ({ type: 'hello'; timeline: number[]; marks: Mark[]; curves: Curves; remarks?: string[] } & RunDetail)
  | ({ type: 'rows'; split: 'train' | 'val'; reset?: boolean; remarks?: string[] } & Rows)
  | { type: 'marks'; marks: Mark[] }
  | { type: 'applied'; applied: Applied[] }
  | { type: 'timeline'; steps: number[]; reset?: boolean }
  | ({ type: 'state' } & RunState)
  | { type: 'answer'; ref: number; ok: boolean; id?: number; error?: Problem }

export interface RunDetail {
  card: RunCard
  spec: Record<string, unknown>
  facts: Record<string, unknown>
  metrics: Metric[]
  steerable: Steerable[]
}
