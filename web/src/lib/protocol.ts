/**
 * The messages between trainer, server and page. Made from src/tilework/protocol: change it there and run
 * `uv run python -m tilework.protocol.typescript web/src/lib/protocol.ts`.
 */

export type Channel = 'motion' | 'images' | 'timeline'

export type DType = 'f4' | 'i4' | 'i2' | 'u1'

export type State = 'running' | 'paused' | 'validating' | 'stopping' | 'ended'

export type CommandKind = 'pause' | 'run' | 'step' | 'pace' | 'set' | 'snapshot' | 'revive' | 'stop' | 'reset'

export type Split = 'train' | 'val'

export type Ref = number | string

export type RunMessage =
  | HelloMessage
  | RowsMessage
  | MarksMessage
  | FindingsMessage
  | AppliedMessage
  | TimelineMessage
  | StateMessage
  | DoneMessage
  | RefusedMessage

export type PageMessage = AckMessage | WatchMessage | CommandMessage

export type CheckResponse = SpecRight | SpecWrong

export type ExplainBlock = ParagraphBlock | PointsBlock | TableBlock | FigureBlock

export type AskKind =
  | 'about'
  | 'statistics'
  | 'decode'
  | 'encode'
  | 'images'
  | 'search'
  | 'traverse'
  | 'plane'
  | 'walk'
  | 'map'
  | 'nearest'
  | 'directions'
  | 'paint'
  | 'levels'
  | 'field'
  | 'receptive'
  | 'palette'
  | 'atlas'
  | 'code'
  | 'dream'
  | 'repaint'
  | 'morph'
  | 'continue'

export type Side = 'validation' | 'train'

export type MapKind = 'pca' | 'umap' | 'dimensions'

export type Ask =
  | AboutAsk
  | StatisticsAsk
  | DecodeAsk
  | EncodeAsk
  | ImagesAsk
  | SearchAsk
  | TraverseAsk
  | PlaneAsk
  | WalkAsk
  | MapAsk
  | NearestAsk
  | DirectionsAsk
  | PaintAsk
  | LevelsAsk
  | FieldAsk
  | ReceptiveAsk
  | PaletteAsk
  | AtlasAsk
  | CodeAsk
  | DreamAsk
  | RepaintAsk
  | MorphAsk
  | ContinueAsk

export type FileFormat = 'png' | 'gif' | 'mp4' | 'html'

export type DreamKind = 'dream' | 'repaint' | 'morph' | 'continue'

export type ModelMessage = ModelStateMessage | NewerMessage | GoneMessage | FailedMessage

export type ModelPageMessage = AskMessage | ForgetMessage

/** What happened, its likely cause and one fix, each in words. */
export interface Problem {
  /** what happened */
  what: string
  /** its likely cause; empty where there is none */
  why: string
  /** what to do; empty where there is none */
  fix: string
}

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
  /** of one that was refused */
  error?: Problem
  /** of `revive`: how many codes are due */
  codes?: number
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
  /**
   * `plane`: the latent is 2-D and is drawn as it is; `pca`: first two principal components, turned so that they stay where they
   * were
   */
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
  /**
   * `window`: what training has just encoded; `probe`: fixed images, while no step was taken (the timeline begins with them, at
   * step 0)
   */
  points_of: 'window' | 'probe'
  /** of the fixed images, so many are still in the window */
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

/** What every frame holds beside its arrays. */
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
  /** what it is doing; `unreadable` = it cannot be read */
  status: 'running' | 'paused' | 'finished' | 'stopped' | 'crashed' | 'unreadable'
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
  /** of the worst that its doctor has found; null = nothing */
  severity: 'info' | 'warning' | 'error' | null
  /** the causes among its findings, of severity `warning` or `error`, in words */
  warnings: string[]
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
  /** its path on the machine of the studio */
  folder: string
  /** address of its newest reconstructions as a small image */
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
  reduction: 'mean' | 'sum' | 'last' | 'max'
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

/** A setting that was given another value while a run trained. */
export interface ChangedSetting {
  /** of the setting */
  name: string
  /** what it was */
  before: number
  /** what it is since; the same = held there */
  value: number
}

/** Something that happened in a run. */
export interface Mark {
  /** of an event even, of a finding odd */
  id: number
  /** after which it happened */
  step: number
  /** seconds since 1970 */
  time: number
  /** `set`, `revived`, `finding`, `finding-gone`, `started`, `resumed`, `paused`, `snapshot`, `failed`, ... */
  kind: string
  /** in words */
  text: string
  /** of a setting */
  change?: ChangedSetting
  /** of a finding */
  code?: string
  /** of a finding that holds */
  severity?: 'info' | 'warning' | 'error'
}

/** What can be looked at. */
export interface EvidenceEntry {
  /** of the run, by their names */
  series: string[]
  /** of the series: `train` or `val` */
  split: string
  /** [first, last] that matter; null = all */
  steps: number[] | null
  /** a file relative to the run's folder; empty = none */
  image: string
}

/** One change of the spec. */
export interface FixEntry {
  /** setting by its path, and its new value */
  changes: Record<string, unknown>
  /** the same as they are typed after a spec's name */
  overrides: string[]
  /** whether the new run starts with the weights of this one; else it starts anew */
  keep_weights: boolean
  /** the line that trains a new run with it */
  command: string
}

/** One thing that is wrong, or worth knowing, with a run. */
export interface FindingEntry {
  /** stable name of the rule: `codebook-collapse` */
  code: string
  /** `error`: what comes out is not worth keeping; `warning`: worse than it need be */
  severity: 'info' | 'warning' | 'error'
  /** from which on it holds */
  step: number
  /** the value that was judged */
  measured: number | null
  /** what it was held against */
  threshold: number | null
  /** what else its words are made of */
  values: Record<string, unknown>
  /** what can be looked at */
  evidence: EvidenceEntry
  /** null where the doctor knows none */
  fix: FixEntry | null
  /** code of the finding that this one follows from; empty = a cause of its own */
  because: string
  /** what is wrong, in words */
  title: string
  /** why, most likely */
  cause: string
  /** what to do beside the fix; may be empty */
  advice: string
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
  /** what its store holds of it */
  facts: Record<string, unknown>
  /** its table of metrics */
  metrics: MetricEntry[]
  /** what may be changed while it goes on */
  steerable: Steerable[]
  /** steps of the stored frames */
  timeline: number[]
  /** the newest, in order */
  marks: Mark[]
  /** what its doctor has found, causes first */
  findings: FindingEntry[]
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
  /** curves begin anew (a resume went back) */
  reset?: boolean
}

/** What has happened since the last. */
export interface MarksMessage {
  type: 'marks'
  /** new ones */
  marks: Mark[]
}

/** Sent whenever the doctor of the run finds something else; all that holds now replaces what was sent before. */
export interface FindingsMessage {
  type: 'findings'
  /** causes first */
  findings: FindingEntry[]
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
  status: 'running' | 'paused' | 'finished' | 'stopped' | 'crashed' | 'unreadable' | 'deleted'
  /** why, in words: a clause each, what happened first */
  reasons: string[]
  /** whether `command` would go on with it */
  resume: boolean
  /** the line to type */
  command: string | null
}

/** The response to a command that was put down for the trainer; that it took effect is shown by `applied`. */
export interface DoneMessage {
  type: 'response'
  /** of the command */
  ref: Ref
  ok: true
  /** number of the command in run.db */
  id: number
}

/** The response to a message that was refused. */
export interface RefusedMessage {
  type: 'response'
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
  channel: 'motion' | 'images'
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
  /** its response carries the same */
  ref: Ref
  /** see above */
  kind: CommandKind
  /** see above */
  payload?: Nothing | Steps | Pace | Change
}

/** The page may also change something. */
export interface KeyResponse {
  /** the path of `--url` */
  path: string
}

/** All runs. */
export interface RunsResponse {
  /** the folder of runs */
  root: string
  /** the one written to last first */
  runs: RunCard[]
}

/** One run. */
export interface RunResponse {
  /** as in the list */
  card: RunCard
  /** as its folder has it */
  spec: Record<string, unknown>
  /** what its store holds of it */
  facts: Record<string, unknown>
  /** its table of metrics, in the order in which they are shown; a series that is not in it is a loss term */
  metrics: MetricEntry[]
  /** what may be changed while it goes on */
  steerable: Steerable[]
  /** the last lines that its process printed */
  log: string[]
}

/** What happened in a run. */
export interface MarksResponse {
  /** the newest, in order */
  marks: Mark[]
}

/** A rule that could not judge the run. */
export interface UnjudgedEntry {
  /** of the rule */
  code: string
  /** what it lacks: `validation`, `steps`, `series`, `probe`, `facts`, `unreadable` */
  missing: string
  /** the same in words */
  text: string
}

/** What the doctor reports of a run; `tilework doctor --json` prints the same. */
export interface FindingsResponse {
  /** of the run */
  id: string
  /** where it stands */
  step: number
  /** causes first, the worst of them first; then what follows from them */
  findings: FindingEntry[]
  /** rules that could not judge */
  unjudged: UnjudgedEntry[]
}

/** The stored frames of a run. */
export interface TimelineResponse {
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
export interface CompareResponse {
  /** setting by setting */
  differences: Difference[]
}

/** A shipped recipe. */
export interface Recipe {
  /** its name */
  name: string
  /** what it is for */
  about: string
  /** before it can start: a network once, own images, a trained run, weights for LPIPS; empty where it starts at once */
  needs: ('download' | 'images' | 'run' | 'lpips')[]
  /** how long it trains; null where it counts steps */
  epochs: number | null
  /** how long it trains; null where it counts epochs */
  steps: number | null
  /** of one that fails on purpose: the recipe to train in its place */
  instead: string | null
}

/** The shipped recipes. */
export interface RecipesResponse {
  /** those that start at once first */
  recipes: Recipe[]
}

/** A data set by its name: `data.kind=NAME` stands for it. */
export interface DataSetChoice {
  /** as `tilework data add` wrote it down */
  name: string
  /** the settings that it stands for; empty where it cannot be read */
  data: Record<string, unknown>
  /** why it cannot be read; empty where it can */
  problem: string
}

/** What a form is made of. */
export interface FormResponse {
  /** whole, with every default */
  spec: Record<string, unknown>
  /** JSON schema of all specs */
  schema: Record<string, unknown>
  /** data sets that may stand for its data */
  sets: DataSetChoice[]
  /** of a run: overrides for what was set by hand */
  steered?: Record<string, string>
}

/** One check of a run's spec, made before its first step. */
export interface CheckEntry {
  /** of the check: `output-range` */
  code: string
  /** what it came to */
  verdict: 'passed' | 'warning' | 'failed' | 'not-checked'
  /** what was found, in words */
  what: string
  /** why, most likely; may be empty */
  why: string
  /** what to do; may be empty */
  fix: string
}

/** All checks of a run's spec. */
export interface ChecksResponse {
  /** in the order in which they were made; empty where they were switched off */
  checks: CheckEntry[]
  /** that they took */
  seconds: number
}

/** A piece of a line. */
export interface TextPiece {
  /** as it is read */
  text: string
  /** how it is set */
  mark: 'text' | 'code' | 'term'
  /** whether it stands out */
  strong: boolean
  /** name of the term of the glossary that it leads to; empty = none */
  term: string
}

/** A number that stands for the model. */
export interface ExplainCard {
  /** what it is */
  name: string
  /** the number */
  big: string
  /** of the number; empty = none */
  unit: string
  /** what it means; may be empty */
  more: string
}

/** A paragraph. */
export interface ParagraphBlock {
  kind: 'paragraph'
  /** its text */
  line: TextPiece[]
}

/** A list. */
export interface PointsBlock {
  kind: 'points'
  /** one an entry */
  lines: TextPiece[][]
}

/** A row of a table. */
export interface TableRow {
  /** one a column */
  cells: TextPiece[][]
  /** the stage or metric that it is about; empty = none */
  key: string
  /** how its value is to be taken */
  tone: '' | 'good' | 'low' | 'bad'
}

/** A table. */
export interface TableBlock {
  kind: 'table'
  /** of its columns */
  heads: string[]
  /** from top to bottom */
  rows: TableRow[]
  /** columns of numbers */
  numbers: number[]
}

/** A drawing. */
export interface FigureBlock {
  kind: 'figure'
  /** what it shows */
  drawing: 'network' | 'token'
  /** SVG; its groups of class `stage` have the key of a row as `data-stage` */
  svg: string
  /** what stands below it */
  caption: TextPiece[]
}

/** A titled part of an explanation. */
export interface ExplainSection {
  /** its title */
  heading: string
  /** `low` or `bad`: it states what is wrong, and stands before all else */
  tone: '' | 'good' | 'low' | 'bad'
  /** from top to bottom */
  blocks: ExplainBlock[]
}

/** A model explained in its own numbers. */
export interface ExplainResponse {
  /** name of the recipe or run */
  title: string
  /** what is explained */
  form: 'recipe' | 'run'
  /** of a run: where it stood */
  step: number | null
  /** the whole in one sentence */
  lead: TextPiece[]
  /** numbers that stand for it */
  cards: ExplainCard[]
  /** in the order in which they are read */
  sections: ExplainSection[]
  /** what it was computed from */
  note: TextPiece[]
}

/** A term of the glossary. */
export interface TermEntry {
  /** what is typed after `tilework explain` */
  name: string
  /** as it is written */
  title: string
  /** what it is */
  text: string
  /** may be empty */
  formula: string
  /** paper and place in it; empty for a word that this program defines */
  source: string
  /** names of other terms */
  related: string[]
  /** other names that find it, metrics and settings among them */
  also: string[]
  /** of a loss term: what it is for; empty for other terms */
  purpose: string
}

/** All terms. */
export interface GlossaryResponse {
  /** in the order of the glossary */
  terms: TermEntry[]
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
  /** its likely cause; empty where there is none */
  why: string
  /** what to do; empty where there is none */
  fix: string
  /** its path; empty where it is none of one setting */
  field: string
  /** what is wrong, to be read beside the setting: without its name */
  beside: string
  /** what to do, to be read beside the setting; empty where `beside` covers it already */
  remedy: string
  /** the override that fixes it; empty where none alone does */
  override: string
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

/** Where a run is that is being started. */
export interface StartStage {
  /** of the start, until the run has one */
  name: string
  /** what is started: a recipe, the id of the run that it begins with, or the name of a proposal */
  about: string
  /** `torch` while it is loaded, `data`, `images`, `tokens`, `preflight`; empty = its process only begins */
  stage: string
  /** of whatever the stage counts; 0 where it counts nothing */
  done: number
  /** how many of them there will be; 0 where that is not known */
  total: number
}

/** The runs that are being started and do not exist yet. */
export interface StartsResponse {
  /** the oldest first */
  starts: StartStage[]
}

/** Why a request was refused; of status 403 also what was missing. */
export interface Refusal {
  /** what happened */
  what: string
  /** its likely cause; empty where there is none */
  why: string
  /** what to do; empty where there is none */
  fix: string
  /** of status 403: what was missing */
  kind?: 'host' | 'origin' | 'key'
}

/** A start, until its run exists or it has failed. */
export interface StartResponse {
  /** of the start, until the run has one */
  name: string
  /** what is started: a recipe, the id of the run that it begins with, or the name of a proposal */
  about: string
  /** `torch` while it is loaded, `data`, `images`, `tokens`, `preflight`; empty = its process only begins */
  stage: string
  /** of whatever the stage counts; 0 where it counts nothing */
  done: number
  /** how many of them there will be; 0 where that is not known */
  total: number
  /** with neither `run` nor `problem`: the studio waits no longer, the run joins the list */
  over: boolean
  /** id of the run, once it exists */
  run: string | null
  /** why there will be none */
  problem: Refusal | null
}

/** A process that waits to become a training. */
export interface SpareResponse {
  /** there is one; false where memory is short, or where it could not be started */
  kept: boolean
}

/** The run that was begun or goes on. */
export interface IdResponse {
  /** of the run */
  id: string
}

/** The wish is in the run's store. */
export interface StopResponse {
  /** of the run */
  id: string
  /** its number there */
  command: number
}

/** The folder was moved. */
export interface DeleteResponse {
  /** of the run */
  id: string
  /** where it is now, in `<runs>/.trash` */
  trash: string
}

/** A checkpoint. */
export interface SavedModel {
  /** name of its folder: a value of `which` */
  checkpoint: string
  /** steps that it was trained for */
  step: number
  /** seconds since 1970 when it was written */
  time: number
  /** the best so far */
  best: boolean
  /** what the run goes on from */
  last: boolean
}

/** The checkpoints of a run. */
export interface ModelsResponse {
  /** by step; empty before the first is written */
  checkpoints: SavedModel[]
}

/** The image that was sent. */
export interface ImageResponse {
  /** in points and origins: `image:NAME`, until the studio ends, for every model */
  name: string
  /** of what was sent, in pixels */
  width: number
  /** of what was sent, in pixels */
  height: number
}

/** A folder. */
export interface FolderPlace {
  /** as it is shown */
  name: string
  /** whole, without links: a value of `at` */
  path: string
}

/** What is in a folder. What is hidden is left out, and links that lead to where the page may not look. */
export interface FoldersResponse {
  /** the folder, whole and without links */
  path: string
  /** the folder that it is in; null where the page may not look into that */
  parent: string | null
  /** where the page may look: the home folder, and those of `--images` */
  roots: FolderPlace[]
  /** in it, in natural order */
  folders: FolderPlace[]
  /** files in it that are still images by their names */
  images: number
  /** files in it that are clips or GIFs */
  moving: number
  /** other files in it */
  others: number
  /** false where there are more than are listed */
  whole: boolean
}

/** One line of a proposal. */
export interface ProposalLine {
  /** `data`, `size`, `tokens` or `training` */
  about: string
  /** what was seen or chosen */
  chosen: string
  /** why */
  reasons: string[]
}

/** Why something was chosen. */
export interface ProposalReason {
  /** the line that it belongs to */
  about: string
  /** `own-shape`, `enough-tokens`, `fills-the-time`, `left-out`, ... */
  code: string
  /** numbers and names that belong to it */
  values: Record<string, unknown>
}

/** A spec for what lies at some paths. Nothing has been started. */
export interface SuggestResponse {
  /** a value of `suggested` in a spec's body, until the studio ends */
  id: string
  /** what its runs are called */
  name: string
  /** four, in order */
  lines: ProposalLine[]
  /** the same as values */
  reasons: ProposalReason[]
  /** the spec as a file to be edited */
  yaml: string
  /** the same, as far as it differs from the defaults */
  spec: Record<string, unknown>
  /** images in a row of its contact sheet; 0 where there is none */
  columns: number
}

export interface SpecBody {
  /** a shipped recipe; this, `from` or `suggested` */
  recipe?: string
  /** id of a run */
  from?: string
  /** id of a proposal */
  suggested?: string
  /** each `section.key=value` */
  overrides?: string[]
}

/** How far a run goes on. */
export interface ResumeBody {
  /** trains a run that has spent its budget further */
  to_step?: number | null
}

/** What a spec is to be proposed for. */
export interface SuggestBody {
  /** folders and files, all of one kind */
  paths: string[]
}

/** What a response of another status than 200 holds. */
export interface ErrorResponse {
  /** what is wrong */
  error: Refusal
  /** of a spec that is refused: everything that is wrong with it */
  errors?: FieldError[]
}

/** What a response holds beside its arrays. */
export interface ResponseHeader {
  /** 1 */
  v: number
  /** what it is */
  channel: 'response'
  /** of the ask */
  ref: number
  /** of the ask */
  kind: AskKind
  /** time that it took to compute, in ms */
  ms: number
  /** of this kind, see below */
  facts: Record<string, unknown>
  /** its arrays, in the order of their bytes */
  arrays: ArrayPlace[]
}

/** What is sent beside the tokens that are there: `tokens` (m, t, Q, h, w) i4, -1 = not yet drawn. */
export interface ProgressHeader {
  /** 1 */
  v: number
  /** what it is */
  channel: 'progress'
  /** of the ask */
  ref: number
  /** of the ask */
  kind: DreamKind
  /** ProgressFacts */
  facts: Record<string, unknown>
  /** its arrays, in the order of their bytes */
  arrays: ArrayPlace[]
}

/** How far drawing is. A dream may be drawn in several parts, one after the other. */
export interface ProgressFacts {
  /** 1 = the first */
  part: number
  /** so many items were done before this part */
  first: number
  /** passes that are done of this part */
  drawn: number
  /** of this part in all, where it is known */
  passes: number | null
  /** of the tokens of this part that are there, 0 to 1 */
  share: number
}

/** What the process of the model is doing: first of all, and at every change. */
export interface ModelStateMessage {
  type: 'state'
  /** `ended`: the next ask starts it again */
  state: 'starting' | 'loading' | 'ready' | 'ended'
  /** name of the checkpoint's folder; null where there is none */
  checkpoint: string | null
  /** steps that it was trained for */
  step: number | null
  /** in words; of `ended`: what happened, and the last words of the process */
  message: string
  /** what to do; empty where there is nothing to do */
  fix: string
}

/** The run has a newer checkpoint of what was asked for (`best`, `last`); what is open stays open. */
export interface NewerMessage {
  type: 'newer'
  /** name of its folder */
  checkpoint: string
  /** steps that it was trained for */
  step: number
}

/** There is no such run, or not any more; what is open goes on answering. */
export interface GoneMessage {
  type: 'gone'
  /** in words */
  message: string
}

/** An ask, or another message, that has no response. */
export interface FailedMessage {
  type: 'failed'
  /** of the ask, where it had one */
  ref: number | null
  /** why */
  error: Problem
}

/** What the model is. */
export interface AboutAsk {
  kind: 'about'
}

/** What the dimensions of the latent hold, measured over the validation side. */
export interface StatisticsAsk {
  kind: 'statistics'
}

/** The images at some points. */
export interface DecodeAsk {
  kind: 'decode'
  /** 1 to 64 points */
  points: string[]
  /**
   * where codes are discrete: `quantiser` (if not given) puts the codes in the place of the latent, `decoder` decodes it without
   * becoming codes
   */
  through?: 'quantiser' | 'decoder'
}

/** An image, and what the model makes of it. */
export interface EncodeAsk {
  kind: 'encode'
  /** an origin: `validation:N`, `train:N` or `image:NAME` */
  of: string
}

/** Small images of the data set. */
export interface ImagesAsk {
  kind: 'images'
  /** of the split */
  side: Side
  /** within the side; at most 1,024 */
  numbers: number[]
}

/** Images of the data set by label or file name. */
export interface SearchAsk {
  kind: 'search'
  /** part of a label or of a file name; upper and lower case are one */
  text: string
}

/** Rows of images, in each of which one dimension moves. */
export interface TraverseAsk {
  kind: 'traverse'
  /** what is kept of all other dimensions */
  point: string
  /** one row for each; the 12 that carry most if not given */
  dimensions?: number[]
  /** where a row begins; -3 of a Gaussian if not given, else three deviations below the images' mean */
  low?: number
  /** where it ends; 3, or three deviations above */
  high?: number
  /** images of a row, 9 if not given; 2 to 33 */
  steps?: number
  /**
   * where codes are discrete: `quantiser` (if not given) puts the codes in the place of the latent, `decoder` decodes it without
   * becoming codes
   */
  through?: 'quantiser' | 'decoder'
}

/** A square of images, over which two dimensions move. */
export interface PlaneAsk {
  kind: 'plane'
  /** what is kept of all other dimensions */
  point: string
  /** the dimension that rises to the right */
  x: number
  /** the dimension that rises upwards */
  y: number
  /** of both; as of `traverse` if not given */
  low?: number
  /** of both; as of `traverse` if not given */
  high?: number
  /** images of a side, 15 if not given; 2 to 33 */
  steps?: number
  /**
   * where codes are discrete: `quantiser` (if not given) puts the codes in the place of the latent, `decoder` decodes it without
   * becoming codes
   */
  through?: 'quantiser' | 'decoder'
}

/** Images on the way from point to point. */
export interface WalkAsk {
  kind: 'walk'
  /** 2 to 64 points, in order */
  points: string[]
  /** images of the whole way; at most 600 */
  frames: number
  /** `linear` if not given */
  how?: 'linear' | 'spherical'
  /** slower near each point */
  ease?: boolean
  /** back to the first point at the end */
  loop?: boolean
  /** of a file: images a second, 30 if not given */
  fps?: number
  /**
   * where codes are discrete: `quantiser` (if not given) puts the codes in the place of the latent, `decoder` decodes it without
   * becoming codes
   */
  through?: 'quantiser' | 'decoder'
}

/** The whole data set in two dimensions. */
export interface MapAsk {
  kind: 'map'
  /** `dimensions`: two of the latent as they are, as is every latent of no more than two */
  how: MapKind
  /** of `dimensions`: to the right, 0 if not given */
  x?: number
  /** of `dimensions`: upwards, 1 if not given */
  y?: number
}

/** The images of the data set nearest to a point. */
export interface NearestAsk {
  kind: 'nearest'
  /** a point */
  point: string
  /** how many, 8 if not given; at most 64 */
  count?: number
}

/** What `pcK*AMOUNT` and `A>B*AMOUNT` may be used with. */
export interface DirectionsAsk {
  kind: 'directions'
}

/** The image of some tokens. */
export interface PaintAsk {
  kind: 'paint'
  /** Q x h x w codes, in this order */
  codes: number[]
  /** only the first so many levels */
  levels?: number
}

/** The images of the first level, the first two, and so on. */
export interface LevelsAsk {
  kind: 'levels'
  /** Q x h x w codes, in this order */
  codes: number[]
  /** the image that they stand for, an origin: errors are measured against it */
  of?: string
}

/** What of the image one cell changes. */
export interface FieldAsk {
  kind: 'field'
  /** Q x h x w codes, in this order */
  codes: number[]
  /** row of the cell */
  y: number
  /** column of the cell */
  x: number
}

/** What of an image one cell sees. */
export interface ReceptiveAsk {
  kind: 'receptive'
  /** the image, an origin */
  of: string
  /** row of the cell */
  y: number
  /** column of the cell */
  x: number
}

/** The codes of a level, those that are alike beside each other. */
export interface PaletteAsk {
  kind: 'palette'
  /** 1 = the first */
  level: number
  /** a code: the nearest to it come first; if not given, each is followed by the nearest that is left */
  like?: number
}

/** Every code of a level, decoded in context. */
export interface AtlasAsk {
  kind: 'atlas'
  /** 1 = the first */
  level: number
  /** the first code to send, 0 if not given */
  first?: number
  /** how many, all if not given */
  count?: number
  /** only so many training images are counted, which is quicker: 1 to 2,000, 2,000 if not given */
  most?: number
}

/** Everything about one code. */
export interface CodeAsk {
  kind: 'code'
  /** 1 = the first */
  level: number
  /** a code */
  code: number
}

/** New images, or new clips. */
export interface DreamAsk {
  /** logits are divided by it, 1 if not given; more than 0 */
  temperature?: number
  /** each token is drawn from this many likeliest codes; all if not given */
  top_k?: number
  /** only the likeliest codes whose probabilities add up to this; 1 if not given */
  top_p?: number
  /** classifier-free guidance towards the label, 0 if not given */
  guidance?: number
  /** passes of a prior that draws many tokens at once; as it was made for if not given */
  steps?: number
  /** in which order such a prior draws: one of `orders`; `halton` if not given */
  order?: string
  /** of all random numbers, 0 if not given */
  seed?: number
  /** of a prior of clips: frames of each; as many as it learned from if not given */
  frames?: number
  /** how frames between key frames come to be; `latents` if not given */
  between?: 'prior' | 'latents'
  /** frames a second, 30 if not given */
  fps?: number
  /** false: the response comes before it is compared with the training images, which may take a minute */
  compare?: boolean
  kind: 'dream'
  /** how many: 16 images or 1 clip if not given */
  count?: number
  /** of what; each label in turn if not given */
  label?: string
}

/** An image or a clip with some of its cells drawn anew; all other tokens stay as they are. */
export interface RepaintAsk {
  /** logits are divided by it, 1 if not given; more than 0 */
  temperature?: number
  /** each token is drawn from this many likeliest codes; all if not given */
  top_k?: number
  /** only the likeliest codes whose probabilities add up to this; 1 if not given */
  top_p?: number
  /** classifier-free guidance towards the label, 0 if not given */
  guidance?: number
  /** passes of a prior that draws many tokens at once; as it was made for if not given */
  steps?: number
  /** in which order such a prior draws: one of `orders`; `halton` if not given */
  order?: string
  /** of all random numbers, 0 if not given */
  seed?: number
  /** of a prior of clips: frames of each; as many as it learned from if not given */
  frames?: number
  /** how frames between key frames come to be; `latents` if not given */
  between?: 'prior' | 'latents'
  /** frames a second, 30 if not given */
  fps?: number
  /** false: the response comes before it is compared with the training images, which may take a minute */
  compare?: boolean
  kind: 'repaint'
  /** the image, an origin; of a prior of clips with the frames that follow it */
  of?: string
  /** its tokens, in the place of `of`: those of the `t` key frames of a clip */
  tokens?: number[]
  /** what is drawn anew, in every frame: row x w + column of each cell */
  cells: number[]
  /** in how many ways, 4 if not given; 1 of a clip */
  count?: number
  /** of what; none if not given */
  label?: string
}

/** A loop from one label to another and back. */
export interface MorphAsk {
  /** logits are divided by it, 1 if not given; more than 0 */
  temperature?: number
  /** each token is drawn from this many likeliest codes; all if not given */
  top_k?: number
  /** only the likeliest codes whose probabilities add up to this; 1 if not given */
  top_p?: number
  /** classifier-free guidance towards the label, 0 if not given */
  guidance?: number
  /** passes of a prior that draws many tokens at once; as it was made for if not given */
  steps?: number
  /** in which order such a prior draws: one of `orders`; `halton` if not given */
  order?: string
  /** of all random numbers, 0 if not given */
  seed?: number
  /** of a prior of clips: frames of each; as many as it learned from if not given */
  frames?: number
  /** how frames between key frames come to be; `latents` if not given */
  between?: 'prior' | 'latents'
  /** frames a second, 30 if not given */
  fps?: number
  /** false: the response comes before it is compared with the training images, which may take a minute */
  compare?: boolean
  kind: 'morph'
  /** the label that it begins with */
  a: string
  /** the label that it comes to */
  b: string
}

/** A clip that begins with frames that are given. */
export interface ContinueAsk {
  /** logits are divided by it, 1 if not given; more than 0 */
  temperature?: number
  /** each token is drawn from this many likeliest codes; all if not given */
  top_k?: number
  /** only the likeliest codes whose probabilities add up to this; 1 if not given */
  top_p?: number
  /** classifier-free guidance towards the label, 0 if not given */
  guidance?: number
  /** passes of a prior that draws many tokens at once; as it was made for if not given */
  steps?: number
  /** in which order such a prior draws: one of `orders`; `halton` if not given */
  order?: string
  /** of all random numbers, 0 if not given */
  seed?: number
  /** of a prior of clips: frames of each; as many as it learned from if not given */
  frames?: number
  /** how frames between key frames come to be; `latents` if not given */
  between?: 'prior' | 'latents'
  /** frames a second, 30 if not given */
  fps?: number
  /** false: the response comes before it is compared with the training images, which may take a minute */
  compare?: boolean
  kind: 'continue'
  /** an image, an origin; the frames that follow it in its clip are given too */
  of?: string
  /** tokens of one frame, in the place of `of` */
  tokens?: number[]
  /** in how many ways, 1 if not given */
  count?: number
  /** of what; each in turn if not given */
  label?: string
}

/** An ask. One of the same key that was not begun, or is a dream that is drawn, is given up for it, and gets no response. */
export interface AskMessage {
  type: 'ask'
  /** its response carries the same */
  ref: number
  /** what it is for (`image`, `row 3`, ...); at most 64 keys of a page wait at once */
  key: string
  /** see above */
  ask: Ask
}

/** Nobody waits for the ask of this key any more: one that was not begun, or is a dream that is drawn, is given up. */
export interface ForgetMessage {
  type: 'forget'
  /** as in the ask */
  key: string
}

/** What of a model is to be a file. */
export interface FileBody {
  /** as on the socket of the model */
  ask: Ask
  /** `gif` and `mp4` of a walk */
  format: FileFormat
}

/** The fix of a finding. */
export interface ApplyBody {
  /** of the finding */
  code: string
}

/** What a prior is; other facts of `about` are of the autoencoder whose tokens it draws. */
export interface PriorFacts {
  /** `masked`, `causal`, ... */
  kind: string
  /** id of the run of the autoencoder */
  parent: string
  /** T of what it learned from: 1 = images */
  frames: number
  /** frames of a clip from one of these to the next */
  stride: number
  /** h, rows of cells */
  height: number
  /** w, columns of cells */
  width: number
  /** its clips are loops */
  loop: boolean
  /** names of the labels that it knows; empty = none */
  classes: string[]
  /** in which it draws a level unless an order is given; null = one token after the other */
  passes: number | null
  /** in which it can draw; empty = in one alone */
  orders: string[]
  /** a token depends on known ones behind it */
  sees_both_sides: boolean
  /** its weights */
  parameters: number
}

/** What the model is. */
export interface AboutFacts {
  /** id of the run, or the checkpoint folder's name */
  name: string
  /** name of its recipe or spec */
  recipe: string
  /** name of the checkpoint's folder */
  checkpoint: string
  /** steps that it was trained for */
  step: number
  /** the same in epochs; null where the run does not record it */
  epoch: number | null
  /** where it computes */
  device: string
  /** where it could: values of `device` */
  devices: string[]
  /** weights of encoder, bottleneck and decoder */
  parameters: number
  /** [height, width, channels] */
  image: number[]
  /** its kind: `gaussian`, `none`, `vq`, `rq`, `fsq`, `lfq` */
  bottleneck: string
  /** what the latent is: the mean of a Gaussian, the output of a plain encoder, or what the quantiser is given */
  space: 'gaussian' | 'plain' | 'before quantiser'
  /** [D, h, w]; dimensions are counted through in this order */
  latent: number[]
  /** weight of the KL term at the end of training; null where there is none */
  beta: number | null
  /** Q; 0 = nothing is discrete */
  levels: number
  /** K, of each level */
  codes: number
  /** a latent may go past the quantiser: `through` may be `decoder` */
  may_pass: boolean
  /** images of `validation` and `train`; 0 where the data set is not there */
  sides: Record<string, number>
  /** names of the labels; empty = there are none */
  classes: string[]
  /** images have file names */
  named: boolean
  /** why the images of the data set are not there */
  missing: Problem | null
  /** what may be asked of this model */
  asks: AskKind[]
  /** kinds of map that can be made here */
  maps: MapKind[]
  /** of the run of a prior: what it is; null of an autoencoder */
  prior: PriorFacts | null
  /** of an autoencoder with codes: runs of priors that were trained on its tokens, the newest first */
  priors: string[]
}

/** What was measured. */
export interface StatisticsFacts {
  /** so many images were encoded */
  images: number
  /** sum over the dimensions, in nats; null for a latent without a prior */
  kl: number | null
  /** dimensions that are used */
  active: number
}

/** Where the images are. */
export interface DecodeFacts {
  /** as they were understood, word by word as they can be asked again */
  points: string[]
}

/** An image and its reconstruction. */
export interface EncodeFacts {
  /** its origin */
  of: string
  /** its label */
  label: string | null
  /** its file name */
  name: string | null
  /** mean squared error of the reconstruction, pixels in [0, 1] */
  mse: number | null
  /** peak signal-to-noise ratio, in dB; null for an error of 0 */
  psnr: number | null
  /** KL divergence of its posterior from the prior, in nats; null for a latent without one */
  kl: number | null
  /** bits of its tokens; null for a latent without codes */
  bits: number | null
  /** what was done to it to fit the model, in words */
  notes: string[]
}

/** Of each image in turn. */
export interface ImagesFacts {
  /** its label */
  labels: (string | null)[]
  /** its file name */
  names: (string | null)[]
}

/** What was found. */
export interface SearchFacts {
  /** its label */
  labels: (string | null)[]
  /** its file name */
  names: (string | null)[]
  /** there are more than the first 200, which are sent */
  more: boolean
}

/** Which dimensions moved. */
export interface TraverseFacts {
  /** of each row in turn */
  dimensions: number[]
}

/** Nothing beside the arrays. */
export type NoFacts = Record<string, never>

/** How the way goes. */
export interface WalkFacts {
  /** the frame of each point */
  stops: number[]
}

/** How the map was made. */
export interface MapFacts {
  /** as it was asked; `dimensions` of a latent of no more than two */
  how: MapKind
  /** of the variance, of `pca`: of each of the two directions; else empty */
  share: number[]
  /** images of the data set; where there are more than 20,000, the map has a fixed selection */
  total: number
}

/** Of each image in turn. */
export interface NearestFacts {
  /** its label */
  labels: (string | null)[]
  /** its file name */
  names: (string | null)[]
}

/** What directions there are. */
export interface DirectionsFacts {
  /** labels of which images were encoded */
  labels: string[]
  /** so many images were encoded */
  images: number
}

/** After each level in turn. */
export interface LevelsFacts {
  /** bits of an image so far */
  bits: number[]
  /** error against the image; null where none was named */
  mse: (number | null)[]
  /** the same in dB */
  psnr: (number | null)[]
}

/** Where it lies. */
export interface FieldFacts {
  /** [top, left, bottom, right) of what is not 0; empty where everything is */
  box: number[]
}

/** Which codes they are. */
export interface AtlasFacts {
  /** the first code of the response */
  first: number
  /** K: all codes of the level */
  codes: number
  /** so many tokens of this level were counted; 0 where the data set is not there */
  tokens: number
  /** [height, width] of one cell in pixels */
  cell: number[]
  /** a tile shows so many cells of its surroundings on each side */
  margin: number
}

/** How often it is used. */
export interface CodeFacts {
  /** so many tokens are this code */
  tokens: number
  /** so many tokens of this level were counted */
  of: number
}

/** One thing that is known of a dream. */
export interface DreamFact {
  /** what it is; empty where it goes on with the one before */
  name: string
  /** in words */
  text: string
}

/** What was dreamed. */
export interface DreamFacts {
  /** what it is */
  what: 'images' | 'loop' | 'clip' | 'continued' | 'between' | 'morph' | 'repainted'
  /** the same in words, and by what */
  title: string
  /** of each item */
  labels: (string | null)[]
  /** that it was drawn with */
  seed: number
  /** the last frame is followed by the first */
  loop: boolean
  /** frames a second */
  fps: number
  /** with the training images, as far as they are there; else what follows is not known yet */
  compared: boolean
  /** how near it is to the training images, in sentences; empty where they are not there */
  verdicts: string[]
  /** everything else that is known of it */
  facts: DreamFact[]
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
  samples: 'u1'
  token_bits: 'f4'
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

/** Every kind of ask. */
export interface Asks {
  about: AboutAsk
  statistics: StatisticsAsk
  decode: DecodeAsk
  encode: EncodeAsk
  images: ImagesAsk
  search: SearchAsk
  traverse: TraverseAsk
  plane: PlaneAsk
  walk: WalkAsk
  map: MapAsk
  nearest: NearestAsk
  directions: DirectionsAsk
  paint: PaintAsk
  levels: LevelsAsk
  field: FieldAsk
  receptive: ReceptiveAsk
  palette: PaletteAsk
  atlas: AtlasAsk
  code: CodeAsk
  dream: DreamAsk
  repaint: RepaintAsk
  morph: MorphAsk
  continue: ContinueAsk
}

/** The facts of every kind of response. */
export interface Facts {
  about: AboutFacts
  statistics: StatisticsFacts
  decode: DecodeFacts
  encode: EncodeFacts
  images: ImagesFacts
  search: SearchFacts
  traverse: TraverseFacts
  plane: NoFacts
  walk: WalkFacts
  map: MapFacts
  nearest: NearestFacts
  directions: DirectionsFacts
  paint: NoFacts
  levels: LevelsFacts
  field: FieldFacts
  receptive: FieldFacts
  palette: NoFacts
  atlas: AtlasFacts
  code: CodeFacts
  dream: DreamFacts
  repaint: DreamFacts
  morph: DreamFacts
  continue: DreamFacts
}

/** The arrays of every kind of response, and their types; docs/studio.md lists their shapes. */
export interface ResponseArrays {
  about: Record<string, never>
  statistics: {
    order: 'i4'
    active: 'u1'
    mean: 'f4'
    deviation: 'f4'
    kl?: 'f4'
    sigma?: 'f4'
  }
  decode: {
    images: 'u1'
    z: 'f4'
    codes?: 'i4'
  }
  encode: {
    image: 'u1'
    reconstruction: 'u1'
    mean: 'f4'
    sigma?: 'f4'
    codes?: 'i4'
  }
  images: {
    thumbs: 'u1'
    labels: 'i2'
  }
  search: {
    numbers: 'i4'
    sides: 'u1'
    labels: 'i2'
    thumbs: 'u1'
  }
  traverse: {
    images: 'u1'
    values: 'f4'
  }
  plane: {
    images: 'u1'
    xs: 'f4'
    ys: 'f4'
  }
  walk: {
    images: 'u1'
    z: 'f4'
  }
  map: {
    points: 'f4'
    numbers: 'i4'
    sides: 'u1'
    labels: 'i2'
  }
  nearest: {
    numbers: 'i4'
    sides: 'u1'
    labels: 'i2'
    thumbs: 'u1'
    distances: 'f4'
  }
  directions: {
    principal: 'f4'
    deviations: 'f4'
    shares: 'f4'
    means: 'f4'
    counts: 'i4'
  }
  paint: {
    image: 'u1'
  }
  levels: {
    images: 'u1'
  }
  field: {
    field: 'f4'
  }
  receptive: {
    field: 'f4'
  }
  palette: {
    order: 'i4'
    distances?: 'f4'
  }
  atlas: {
    tiles: 'u1'
    counts?: 'i4'
    colours: 'u1'
  }
  code: {
    tile: 'u1'
    near: 'i4'
    distances: 'f4'
    positions?: 'i4'
    patches?: 'u1'
    numbers?: 'i4'
    cells?: 'i2'
  }
  dream: {
    images: 'u1'
    keys: 'i4'
  }
  repaint: {
    images: 'u1'
    keys: 'i4'
  }
  morph: {
    images: 'u1'
    keys: 'i4'
  }
  continue: {
    images: 'u1'
    keys: 'i4'
  }
}
