/**
 * What trainer, server and page say to each other. Made from src/tilework/protocol: change it there and run
 * `uv run python -m tilework.protocol.typescript web/src/lib/protocol.ts`.
 */

export type Channel = 'motion' | 'pictures' | 'timeline'

export type DType = 'f4' | 'i4' | 'i2' | 'u1'

export type State = 'running' | 'paused' | 'validating' | 'stopping' | 'ended'

export type CommandKind = 'pause' | 'run' | 'step' | 'pace' | 'set' | 'snapshot' | 'revive' | 'stop' | 'reset'

export type Split = 'train' | 'val'

export type Ref = number | string

export type RunMessage = HelloMessage | RowsMessage | MarksMessage | AppliedMessage | TimelineMessage | StateMessage | DoneMessage | RefusedMessage

export type PageMessage = AckMessage | WatchMessage | CommandMessage

export type CheckAnswer = SpecRight | SpecWrong

/** A command that took effect or was refused. */
export interface Applied {
  /** number of the command in run.db */
  id: number
  /** as it was sent */
  kind: string
  /** the first step that feels it */
  step: number
  /** what became of it */
  status: 'applied' | 'refused'
  /** of `set`: the setting */
  name?: string
  /** of `set`: what was asked for */
  value?: number
  /** of `set`: what it stood at */
  before?: number | null
  /** why it was refused, or what was done */
  message?: string
}

/** What frames cost the training. */
export interface Cost {
  /** time of a frame of this channel, in ms */
  motion_ms: number
  /** time of a frame of this channel, in ms */
  pictures_ms: number
  /** of the training time that may be spent on frames */
  share: number
}

/** How the arrays of a frame are to be looked at. */
export interface ViewHeader {
  /** `plane`: the latent is 2-D and is drawn as it is; `pca`: first two principal components, turned so that they stay where they were */
  kind: 'plane' | 'pca'
  /** dimensions of the latent */
  dim: number
  /** Q; 0 = nothing is discrete */
  levels: number
  /** K, of each level */
  codes: number
  /** positions of the latent, [w, h] */
  grid: number[]
  /** share that each component of `pca` holds */
  variance: number[] | null
  /** `window`: what training has just encoded; `probe`: fixed pictures, while no step was taken (the timeline begins with them, at step 0) */
  points_of: 'window' | 'probe'
  /** of the fixed pictures, so many are still in the window */
  points_fixed?: number
  /** the codes are not learnt (FSQ, LFQ), and stay where they are */
  fixed?: boolean
  /** names of the labels */
  classes: string[]
}

/** Where an array stands in a frame's bytes. */
export interface ArrayPlace {
  /** see below */
  name: string
  /** little-endian, C order */
  dtype: DType
  /** its lengths */
  shape: number[]
  /** counted from the first byte after the header; a multiple of 8 */
  offset: number
}

/** What every frame says beside its arrays. */
export interface Header {
  /** 1 */
  v: number
  /** which channel it is of */
  channel: Channel
  /** rises by one with every frame of this channel */
  seq: number
  /** seconds since 1970 when it was made */
  time: number
  /** steps that the run has taken */
  step: number
  /** the same in epochs */
  epoch: number
  /** where the run is to end */
  total_steps: number | null
  /** optimiser steps in one epoch */
  steps_per_epoch: number
  /** what the run does */
  state: State
  /** over the last half second or more */
  steps_per_second: number | null
  /** steps a second that slow motion allows; null = no limit */
  pace: number | null
  /** present value of every steerable setting, by name */
  values: Record<string, number>
  /** the newest commands that took effect or were refused, oldest first */
  applied: Applied[]
  /** newest training metrics by name (`loss`, `mse`, `grad_norm`, ...) */
  figures: Record<string, number | null>
  /** id of the run that a reset began */
  next: string | null
  /** what a frame costs the training */
  cost: Cost
  /** how its arrays are to be looked at */
  view: ViewHeader
  /** its arrays, in the order of their bytes */
  arrays: ArrayPlace[]
}

/** A metric of validation that stands for the run. */
export interface Headline {
  /** what it is called */
  label: string
  /** of its values; empty = none */
  unit: string
  /** one a level, or one */
  values: (number | null)[]
  /** the largest possible one, where there is one */
  most: number | null
}

/** The training loss as a small line. */
export interface Spark {
  /** some steps */
  step: number[]
  /** the loss at each */
  loss: (number | null)[]
}

/** A run in the list of all. */
export interface RunCard {
  /** name of its folder */
  id: string
  /** of its recipe or spec */
  name: string
  /** what it is doing; `foreign` = it cannot be read */
  status: 'running' | 'paused' | 'finished' | 'stopped' | 'crashed' | 'foreign'
  /** why it cannot be read */
  problem: string | null
  /** of the newest row */
  step: number
  /** of the newest row */
  epoch: number
  /** where it is to end */
  total_steps: number | null
  /** where it is to end */
  total_epochs: number | null
  /** newest value of every metric of validation, by name */
  val: Record<string, number | null>
  /** those of them that stand for the run */
  headlines: Headline[]
  /** where they were measured */
  val_step: number | null
  /** what they say against the codebook */
  remarks: string[]
  /** seconds since 1970 */
  created: number
  /** seconds since 1970 */
  updated: number
  /** time spent training */
  seconds: number
  /** of its folder */
  size_bytes: number
  /** its training loss */
  spark: Spark
  /** address of its newest reconstructions as a small picture */
  thumb: string | null
}

/** Whenever something in the list of runs has changed. */
export interface RunsMessage {
  type: 'runs'
  /** the folder of runs */
  root: string
  /** the one written to last first */
  runs: RunCard[]
  /** why the folder cannot be listed */
  problem?: string
}

/** One kind of number that a run measures (src/tilework/metrics.py). */
export interface MetricEntry {
  /** of its series, without what comes after a dot */
  name: string
  /** what it is called */
  label: string
  /** metrics of one group are drawn beside each other */
  group: 'quality' | 'loss' | 'codebook' | 'latent' | 'optimisation' | 'speed' | 'fact'
  /** of its values; empty = none */
  unit: string
  /** how the steps between two rows became one value */
  reduction: 'mean' | 'sum' | 'last'
  /** which way is better */
  better: 'lower' | 'higher' | null
  /** what stands after the dot of a series' name */
  part: 'level' | 'dimension' | 'term' | 'set' | null
  /** in which rows it occurs */
  measured: 'both' | 'training' | 'validation'
  /** what a training value is measured over, where that is not the steps between two rows */
  window: string
  /** digits after the point; null = four significant ones */
  decimals: number | null
  /** rank among the numbers that stand for a run */
  headline: number | null
  /** the metric that is its largest possible value */
  most: string
  /** measured only where the objective has the loss term of this name */
  term: boolean
  /** set and not measured */
  setting: boolean
  /** what it means */
  help: string
}

/** A setting that may be changed while the run goes on. */
export interface Steerable {
  /** its path in the spec: `objective.commitment`, `optimizer.lr`, `bottleneck.revival.threshold` */
  name: string
  /** what it is called */
  label: string
  /** what it stood at when its process began */
  value: number
  /** smallest value */
  low: number
  /** largest value */
  high: number
  /** `off-log`: logarithmic with 0 = off at the left end */
  scale: 'linear' | 'log' | 'off-log'
  /** what it does */
  help: string
}

/** Something that happened in a run. */
export interface Mark {
  /** of an event even, of a finding odd */
  id: number
  /** after which it happened */
  step: number
  /** seconds since 1970 */
  time: number
  /** `set`, `revived`, `finding`, `started`, `resumed`, `paused`, `snapshot`, `failed`, ... */
  kind: string
  /** in words */
  text: string
}

/** Rows of one split, by column. */
export interface Rows {
  /** of each row */
  step: number[]
  /** of each row */
  epoch: number[]
  /** values by name; null where one was not logged */
  series: Record<string, (number | null)[]>
}

/** Rows of both splits, thinned. */
export interface Curves {
  /** of training */
  train: Rows
  /** of validation */
  val: Rows
}

/** All there is, first of all; again where the run's store or its facts change. */
export interface HelloMessage {
  type: 'hello'
  /** as in the list */
  card: RunCard
  /** as the run's folder has it */
  spec: Record<string, unknown>
  /** what its store says of it */
  facts: Record<string, unknown>
  /** its table of metrics */
  metrics: MetricEntry[]
  /** what may be changed while it goes on */
  steerable: Steerable[]
  /** steps of the stored frames */
  timeline: number[]
  /** the newest, in order */
  marks: Mark[]
  /** what the newest metrics of validation say against the codebook */
  remarks: string[]
  /** whole, thinned */
  curves: Curves
}

/** Rows since the last. */
export interface RowsMessage {
  /** of each row */
  step: number[]
  /** of each row */
  epoch: number[]
  /** values by name; null where one was not logged */
  series: Record<string, (number | null)[]>
  type: 'rows'
  /** what they are of */
  split: Split
  /** of `val`: what the newest of them say against the codebook */
  remarks?: string[]
  /** curves begin anew (a resume went back) */
  reset?: boolean
}

/** What has happened since the last. */
export interface MarksMessage {
  type: 'marks'
  /** new ones */
  marks: Mark[]
}

/** Commands that have acted or were refused; ahead of the frame, which may have to wait. */
export interface AppliedMessage {
  type: 'applied'
  /** as a frame's header has them */
  applied: Applied[]
}

/** Frames that were stored since the last. */
export interface TimelineMessage {
  type: 'timeline'
  /** new ones */
  steps: number[]
  /** they begin anew, as curves do */
  reset?: boolean
}

/** The run as seen from outside. An unknown run is `deleted`, and its socket stays open. */
export interface StateMessage {
  type: 'state'
  /** what it is doing */
  status: 'running' | 'paused' | 'finished' | 'stopped' | 'crashed' | 'foreign' | 'deleted'
  /** why, in words */
  message: string
  /** whether `command` would go on with it */
  resume: boolean
  /** the line to type */
  command: string | null
}

/** The answer to a command that was put down for the trainer; that it took effect is told by `applied`. */
export interface DoneMessage {
  type: 'answer'
  /** of the command */
  ref: Ref
  ok: true
  /** number of the command in run.db */
  id: number
}

/** What happened, its likely cause and one fix, each in words. */
export interface Problem {
  /** what happened */
  what: string
  /** its likely cause; empty where there is none to tell */
  why: string
  /** what to do; empty where there is none to tell */
  fix: string
}

/** The answer to a message that was refused. */
export interface RefusedMessage {
  type: 'answer'
  /** of the message, where it had one */
  ref: number | string | null
  ok: false
  /** why */
  error: Problem
}

/** After each frame: only then the server sends the next, newest, frame of the channel. */
export interface AckMessage {
  type: 'ack'
  /** of the frame */
  channel: 'motion' | 'pictures'
  /** of the frame */
  seq: number
}

/** A hidden page watches nothing. */
export interface WatchMessage {
  type: 'watch'
  /** whether the page is visible */
  on: boolean
}

/** No payload. */
export type Nothing = Record<string, never>

/** How far to go; one of the two. */
export interface Steps {
  /** steps, 1 if neither is given */
  n?: number
  /** to the end of the epoch */
  epoch?: boolean
}

/** How fast to go. */
export interface Pace {
  /** null = as fast as it can */
  steps_per_second?: number | null
}

/** One steerable setting. */
export interface Change {
  /** its name */
  name: string
  /** what it is to be */
  value: number
}

/** A command to the run. */
export interface CommandMessage {
  type: 'command'
  /** its answer carries the same */
  ref: Ref
  /** see above */
  kind: CommandKind
  /** see above */
  payload?: Nothing | Steps | Pace | Change
}

/** The page may also change something. */
export interface KeyAnswer {
  /** the path of `--url` */
  path: string
}

/** All runs. */
export interface RunsAnswer {
  /** the folder of runs */
  root: string
  /** the one written to last first */
  runs: RunCard[]
}

/** One run. */
export interface RunAnswer {
  /** as in the list */
  card: RunCard
  /** as its folder has it */
  spec: Record<string, unknown>
  /** what its store says of it */
  facts: Record<string, unknown>
  /** its table of metrics, in the order in which they are shown; a series that is not in it is a loss term */
  metrics: MetricEntry[]
  /** what may be changed while it goes on */
  steerable: Steerable[]
  /** the last lines that its process printed */
  log: string[]
}

/** What happened in a run. */
export interface MarksAnswer {
  /** the newest, in order */
  marks: Mark[]
}

/** The stored frames of a run. */
export interface TimelineAnswer {
  /** their steps */
  steps: number[]
}

/** A setting in which two runs differ. */
export interface Difference {
  /** its path; one that ends in `(steered)` was set by hand while the run trained */
  field: string
  /** its value in the one run; null where it has none */
  a: unknown
  /** its value in the other */
  b: unknown
}

/** In what two runs differ. */
export interface CompareAnswer {
  /** setting by setting */
  differences: Difference[]
}

/** A shipped recipe. */
export interface Recipe {
  /** its name */
  name: string
  /** what it is for */
  about: string
  /** `ready`, `downloads` or what a person must bring */
  needs: string
}

/** The shipped recipes. */
export interface RecipesAnswer {
  /** those that start at once first */
  recipes: Recipe[]
}

/** What a form is made of. */
export interface FormAnswer {
  /** whole, with every default */
  spec: Record<string, unknown>
  /** JSON schema of all specs */
  schema: Record<string, unknown>
  /** of a run: overrides for what was set by hand */
  steered?: Record<string, string>
}

/** A spec that can be trained. */
export interface SpecRight {
  ok: true
  /** whole, with every default */
  spec: Record<string, unknown>
  /** overrides that make its loss terms fit its bottleneck */
  fitting: Record<string, string>
}

/** What is wrong with one setting of a spec. */
export interface FieldError {
  /** what happened */
  what: string
  /** its likely cause; empty where there is none to tell */
  why: string
  /** what to do; empty where there is none to tell */
  fix: string
  /** its path; empty where it is none of one setting */
  field: string
}

/** A spec that cannot be trained. */
export interface SpecWrong {
  ok: false
  /** everything that is wrong with it */
  errors: FieldError[]
  /** where it can be read all the same */
  spec?: Record<string, unknown>
  /** beside it, as where it is right */
  fitting?: Record<string, string>
}

/** The run that was begun or goes on. */
export interface IdAnswer {
  /** of the run */
  id: string
}

/** The wish is in the run's store. */
export interface StopAnswer {
  /** of the run */
  id: string
  /** its number there */
  command: number
}

/** The folder was moved. */
export interface DeleteAnswer {
  /** of the run */
  id: string
  /** where it is now, in `<runs>/.trash` */
  trash: string
}

export interface SpecBody {
  /** a shipped recipe; this or `from` */
  recipe?: string
  /** id of a run; this or `recipe` */
  from?: string
  /** each `section.key=value` */
  overrides?: string[]
}

/** How far a run goes on. */
export interface ResumeBody {
  /** trains a run that has spent its budget further */
  to_step?: number | null
}

/** Why an answer was refused; of status 403 also what was missing. */
export interface Refusal {
  /** what happened */
  what: string
  /** its likely cause; empty where there is none to tell */
  why: string
  /** what to do; empty where there is none to tell */
  fix: string
  /** of status 403: what was missing */
  kind?: 'host' | 'origin' | 'key'
}

/** What an answer of another status than 200 holds. */
export interface ErrorAnswer {
  /** what is wrong */
  error: Refusal
  /** of a spec that is refused: everything that is wrong with it */
  errors?: FieldError[]
}

/** Every array that a frame may have, and its type. */
export interface Arrays {
  points: 'f4'
  labels: 'i2'
  assigned: 'i4'
  codes: 'f4'
  usage: 'f4'
  idle: 'i4'
  gradient: 'f4'
  revived: 'i4'
  originals: 'u1'
  recon: 'u1'
  codemap: 'i4'
  decoded: 'u1'
  thumbs: 'u1'
  probe: 'f4'
  probe_labels: 'i2'
  nearest: 'i4'
}

/** Every command, and what it carries. */
export interface Payloads {
  pause: Nothing
  run: Nothing
  step: Steps
  pace: Pace
  set: Change
  snapshot: Nothing
  revive: Nothing
  stop: Nothing
  reset: Nothing
}
