import type { DataSetChoice } from '../lib/protocol'

/** What a form shows, made from a spec and the JSON schema of all specs: sections of plain fields, each with its path. */
export interface Node {
  $ref?: string
  $defs?: Record<string, Node>
  type?: string
  const?: unknown
  enum?: unknown[]
  default?: unknown
  description?: string
  title?: string
  properties?: Record<string, Node>
  required?: string[]
  oneOf?: Node[]
  anyOf?: Node[]
  items?: Node
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  examples?: unknown[]
  unset?: string // what null means, in a few words
  discriminator?: { propertyName: string; mapping: Record<string, string> }
}

export interface Field {
  path: string
  label: string
  help: string
  control: 'select' | 'flag' | 'text' | 'path'
  options: string[]
  value: unknown
  standard: unknown // the default, where the schema has one
  optional: boolean // may be null
  unset: string // what null means, in words
  bounds: string
  first: boolean // shown without unfolding
  needed: boolean // there is nothing to fall back to
  sets?: DataSetChoice[] // beside the options: data sets by their names
}

export interface Section {
  name: string
  help: string
  fields: Field[]
  terms?: { present: string[]; absent: { name: string; help: string }[] }
}

/** The settings that a person is most likely to change; the others are folded away, unless they were changed already. */
const FIRST = new Set([
  'name',
  'seed',
  'kind',
  'size',
  'channels',
  'path',
  'folder',
  'files',
  'name',
  'widths',
  'dense',
  'dim',
  'codes',
  'levels',
  'codebook',
  'weight',
  'lr',
  'batch_size',
  'epochs',
  'steps',
  'revival.enabled',
  'beta',
  'output',
  'parent',
  'frames',
  'stride',
  'depth',
  'heads',
  'width',
])

const ORDER = ['data', 'prior', 'bottleneck', 'encoder', 'decoder', 'objective', 'optimizer', 'engine']
const HIDDEN = new Set(['about', 'note', 'known_faults', 'trackers'])

type Value = Record<string, unknown>

export function sectionsOf(spec: Value, schema: Node, sets: DataSetChoice[] = []): Section[] {
  const properties = schema.properties ?? {}
  const own = Object.entries(properties).filter(([name]) => !ORDER.includes(name) && !HIDDEN.has(name))
  const run: Section = {
    name: 'run',
    help: '',
    fields: own.flatMap(([name, node]) => fieldsOf(name, name, node, spec[name], schema)),
  }
  const rest = ORDER.filter((name) => properties[name]).map((name): Section => {
    const node = properties[name]
    const help = node.description ?? ''
    const value = (spec[name] ?? {}) as Value
    if (name === 'objective') return objective(value, resolve(node, schema), schema)
    const fields = inside(name, '', of(node, value, schema), value, schema, kinds(node))
    return {
      name,
      help,
      fields:
        name === 'data'
          ? pathSecond(fields).map((field) => (field.path === 'data.kind' && sets.length ? { ...field, sets } : field))
          : fields,
    }
  })
  return [run, ...rest]
}

/** Where images are taken from stands beside what kind they are. */
function pathSecond(fields: Field[]): Field[] {
  const path = fields.find((field) => field.control === 'path')
  const rest = fields.filter((field) => field !== path)
  return path ? [...rest.slice(0, 1), path, ...rest.slice(1)] : rest
}

function objective(value: Value, node: Node, schema: Node): Section {
  const terms = Object.entries(node.properties ?? {})
  const has = (name: string): boolean => value[name] !== undefined && value[name] !== null
  return {
    name: 'objective',
    help: 'loss terms by name, each with its weight', // the schema's words are of the file, where null removes one
    fields: terms
      .filter(([name]) => has(name))
      .flatMap(([name, term]) =>
        inside(`objective.${name}`, '', of(term, value[name] as Value, schema), value[name] as Value, schema, []).map(
          (field) => ({
            ...field,
            label: field.path.endsWith('.weight') ? name : `${name}: ${field.label}`,
          }),
        ),
      ),
    terms: {
      present: terms.filter(([name]) => has(name)).map(([name]) => name),
      absent: terms
        .filter(([name]) => !has(name))
        .map(([name, term]) => ({ name, help: resolve(term, schema).description?.split('\n', 1)[0] ?? '' })),
    },
  }
}

/** The fields of one object; `kind` first where there are several to choose from. */
function inside(path: string, within: string, node: Node, value: Value, schema: Node, options: string[]): Field[] {
  const kind: Field[] =
    options.length > 1
      ? [
          {
            path: `${path}.kind`,
            label: 'kind',
            help: firstLine(node.description),
            control: 'select',
            options,
            value: value.kind,
            standard: undefined,
            optional: false,
            unset: '',
            bounds: '',
            first: true,
            needed: false,
          },
        ]
      : []
  const rest = Object.entries(node.properties ?? {})
    .filter(([name]) => !(name === 'kind' && (options.length > 0 || node.properties?.kind?.const !== undefined)))
    .flatMap(([name, child]) =>
      fieldsOf(
        `${path}.${name}`,
        within ? `${within}.${name}` : name,
        child,
        value?.[name],
        schema,
        node.required?.includes(name),
      ),
    )
  return [...kind, ...rest]
}

function fieldsOf(path: string, within: string, raw: Node, value: unknown, schema: Node, needed = false): Field[] {
  const node = resolve(raw, schema)
  const branches = (node.anyOf ?? []).map((one) => resolve(one, schema))
  const optional = branches.some((one) => one.type === 'null')
  const description = raw.description ?? node.description ?? ''
  const meant = raw.unset ?? node.unset
  const unset = meant ?? 'none'
  const help = meant === undefined ? description : `${description}; empty = ${meant}`
  const label = within.replaceAll('_', ' ').replaceAll('.', ' ')
  const solid = branches.filter((one) => one.type !== 'null')
  const plain = solid.length === 1 ? { ...solid[0], default: raw.default ?? node.default } : node
  if (plain.properties && raw.$ref !== '#/$defs/schedule') {
    const off = value === null && optional
    // What can be switched on is: its other settings come with it.
    if (off && plain.properties.enabled)
      return [
        field({
          control: 'flag',
          value: false,
          path: `${path}.enabled`,
          label: `${label} enabled`,
          first: FIRST.has(`${within}.enabled`),
        }),
      ]
    if (off) return [field({ control: 'text', value, optional: true })]
    return inside(path, within, plain, (value ?? {}) as Value, schema, [])
  }
  if (plain.const !== undefined) return []
  if (plain.enum) return [field({ control: 'select', options: plain.enum.map(String), value, optional })]
  if (plain.type === 'boolean') return [field({ control: 'flag', value, optional })]
  // A path may be one text or a list of them; only where images are taken from is there anything to choose.
  return [field({ control: path === 'data.path' ? 'path' : 'text', value, optional, bounds: boundsOf(plain) })]

  function field(part: Partial<Field>): Field {
    return {
      path,
      label,
      help,
      control: 'text',
      options: [],
      value: undefined,
      standard: raw.default ?? node.default,
      optional: false,
      unset,
      bounds: '',
      first: FIRST.has(within),
      needed,
      ...part,
    }
  }
}

export function resolve(node: Node, schema: Node): Node {
  if (!node.$ref) return node
  const found = schema.$defs?.[node.$ref.replace('#/$defs/', '')]
  return found ? { ...found, description: node.description ?? found.description, default: node.default ?? found.default } : node
}

/** Of a choice between kinds, the one that the value is. */
function of(node: Node, value: Value, schema: Node): Node {
  const place = node.discriminator?.mapping[String(value?.kind)]
  if (place) return resolve({ $ref: place }, schema)
  return resolve(node, schema)
}

const kinds = (node: Node): string[] => Object.keys(node.discriminator?.mapping ?? {})
const firstLine = (text: string | undefined): string => (text ?? '').split('\n', 1)[0]

function boundsOf(node: Node): string {
  const low = node.minimum ?? node.exclusiveMinimum
  const high = node.maximum ?? node.exclusiveMaximum
  if (low === undefined || high === undefined || high >= 1e6) return ''
  return `${node.exclusiveMinimum !== undefined ? 'above ' : ''}${low} to ${node.exclusiveMaximum !== undefined ? 'below ' : ''}${high}`
}

/** Whether what is wrong at `place` is shown at this field: a term of the objective stands for its weight. */
export function isAt(place: string, field: Field): boolean {
  const whole = place.replace(/(\.\d+)+$/, '') // an item of a list is shown at the list
  return field.path === whole || field.path === `${whole}.weight`
}

/** What was typed as it is written in an override: a list without its brackets, or with one of them, gets them. */
export function tidied(text: string, asList: boolean): string {
  const inner = text.trim().replace(/^\[|\]$/g, '')
  return asList && text.trim() !== 'null' && !/[[\]{}]/.test(inner)
    ? `[${inner
        .split(',')
        .map((one) => one.trim())
        .filter(Boolean)
        .join(', ')}]`
    : text.trim()
}

/** A value as it is written in an override and in a field. */
export function written(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`
  if (typeof value === 'object')
    return `{${Object.entries(value as Value)
      .map(([k, v]) => `${k}: ${written(v)}`)
      .join(', ')}}`
  return String(value)
}

/** The overrides for what was changed; kinds first, because they decide which other settings there are. */
export function overridesOf(changes: Map<string, string>): string[] {
  const rank = (path: string): number => (path.endsWith('.kind') ? 0 : 1)
  return [...changes].sort(([a], [b]) => rank(a) - rank(b)).map(([path, text]) => `${path}=${text}`)
}

/**
 * A spec whose section is of the kind that was just chosen, or a data set by its name: the settings that the kind of the recipe has
 * too, as it has them, and defaults. Drawn before the spec is judged: what the new kind needs first may be missing.
 */
export function ofKind(
  spec: Value,
  base: unknown,
  section: string,
  kind: string,
  schema: Node,
  sets: DataSetChoice[] = [],
): Value {
  const own = (valueAt(base, section) ?? {}) as Value
  const choice = schema.properties?.[section] ?? {}
  const known = sets.find((one) => section === 'data' && one.name === kind)
  if (known) return { ...spec, [section]: { ...known.data, size: own.size, channels: own.channels } }
  if (own.kind === kind) return { ...spec, [section]: own }
  const place = choice.discriminator?.mapping[kind]
  if (!place) return spec
  const before = of(choice, own, schema).properties ?? {}
  const after = Object.entries(resolve({ $ref: place }, schema).properties ?? {}).filter(([name]) => name !== 'kind')
  const kept = (name: string, child: Node): boolean =>
    name in own && name in before && JSON.stringify(shape(before[name])) === JSON.stringify(shape(child))
  return {
    ...spec,
    [section]: {
      kind,
      ...Object.fromEntries(after.map(([name, child]) => [name, kept(name, child) ? own[name] : resolve(child, schema).default])),
    },
  }
}

/**
 * A spec that was judged, as it is drawn: of a section that is still wrong it has what the recipe has, with another kind than the one
 * that was chosen; that section is drawn of the kind all the same.
 */
export function asChosen(
  judged: Value,
  changes: Map<string, string>,
  base: unknown,
  schema: Node,
  sets: DataSetChoice[] = [],
): Value {
  let spec = judged
  for (const [path, kind] of changes) {
    const [section, last, more] = path.split('.')
    if (last !== 'kind' || more !== undefined) continue
    const meant = sets.find((one) => section === 'data' && one.name === kind)?.data.kind ?? kind
    if (valueAt(spec, path) !== meant) spec = ofKind(spec, base, section, kind, schema, sets)
  }
  return spec
}

/** What a value must be, without its description. */
const shape = ({ description: _, default: __, title: ___, examples: ____, ...rest }: Node): Node => rest

/** Overrides as they stand in an address, `path=text` each, read back as changes. */
export const changesOf = (overrides: string[]): Map<string, string> =>
  new Map(
    overrides
      .filter((one) => one.indexOf('=') > 0)
      .map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  )

/** The changes without those to other settings beside a `kind` that was just chosen: another kind has settings of its own. */
export function withoutSection(changes: Map<string, string>, kind: string): Map<string, string> {
  const section = kind.slice(0, -'kind'.length)
  return new Map([...changes].filter(([path]) => path === kind || !path.startsWith(section)))
}

/** Of a setting that switches a part on which is not there: the part. */
export function switched(path: string, base: unknown): string | null {
  const part = path.endsWith('.enabled') ? path.slice(0, -'.enabled'.length) : ''
  return part && valueAt(base, part) === null ? part : null
}

export function valueAt(spec: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value && typeof value === 'object' ? (value as Value)[name] : undefined), spec)
}

/** The changes without those to parts of what is taken away. */
export function withoutParts(changes: Map<string, string>, whole: string): Map<string, string> {
  return new Map([...changes].filter(([path]) => !path.startsWith(`${whole}.`)))
}
