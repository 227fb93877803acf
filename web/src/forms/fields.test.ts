import { describe, expect, it } from 'vitest'
import {
  asChosen,
  changesOf,
  isAt,
  ofKind,
  overridesOf,
  sectionsOf,
  switched,
  tidied,
  withoutSection,
  written,
  type Node,
} from './fields'

const schema: Node = {
  properties: {
    name: { type: 'string', description: 'what runs are called' },
    bottleneck: {
      oneOf: [{ $ref: '#/$defs/bottleneck.vq' }],
      discriminator: { propertyName: 'kind', mapping: { vq: '#/$defs/bottleneck.vq', none: '#/$defs/bottleneck.none' } },
    },
    objective: { type: 'object', properties: { mse: { $ref: '#/$defs/objective.mse' }, kl: { $ref: '#/$defs/objective.mse' } } },
  },
  $defs: {
    'bottleneck.vq': {
      description: 'One codebook.',
      type: 'object',
      properties: {
        kind: { const: 'vq' },
        codes: { type: 'integer', default: 512, minimum: 2, maximum: 100, description: 'codes K' },
        revival: { anyOf: [{ $ref: '#/$defs/Revival' }, { type: 'null' }] },
        chunk: { anyOf: [{ type: 'number' }, { type: 'null' }], default: null, description: 'rows at once', unset: 'all' },
      },
    },
    'bottleneck.none': { type: 'object', properties: { kind: { const: 'none' } } },
    'objective.mse': {
      type: 'object',
      properties: { kind: { const: 'mse' }, weight: { $ref: '#/$defs/schedule', description: 'factor' } },
    },
    schedule: { anyOf: [{ type: 'number' }, { oneOf: [] }] },
    Revival: { type: 'object', properties: { patience: { type: 'integer', default: 20 } } },
  },
}

describe('a form', () => {
  const spec = {
    name: 'a',
    bottleneck: { kind: 'vq', codes: 16, revival: { patience: 20 }, chunk: null },
    objective: { mse: { kind: 'mse', weight: 1 } },
  }
  it('has a field for every setting, with its path', () => {
    const sections = sectionsOf(spec, schema)
    expect(sections.map((section) => section.name)).toEqual(['run', 'bottleneck', 'objective'])
    expect(sections[1].fields.map((field) => [field.path, field.control, field.value])).toEqual([
      ['bottleneck.kind', 'select', 'vq'],
      ['bottleneck.codes', 'text', 16],
      ['bottleneck.revival.patience', 'text', 20],
      ['bottleneck.chunk', 'text', null],
    ])
    expect(sections[1].fields[1].bounds).toBe('2 to 100')
    expect([sections[1].fields[3].optional, sections[1].fields[3].unset, sections[1].fields[3].help]).toEqual([
      true,
      'all',
      'rows at once; empty = all',
    ])
    expect(sections[2].fields.map((field) => [field.path, field.label])).toEqual([['objective.mse.weight', 'mse']])
    expect(sections[2].terms!.absent.map((term) => term.name)).toEqual(['kl'])
  })
  it('switches on what is not there', () => {
    const node: Node = {
      properties: {
        part: { properties: { revival: { anyOf: [{ $ref: '#/$defs/Revival' }, { type: 'null' }] } } },
        bottleneck: { properties: { revival: { anyOf: [{ $ref: '#/$defs/On' }, { type: 'null' }] } } },
      },
      $defs: { On: { properties: { enabled: { type: 'boolean' } } }, Revival: schema.$defs!.Revival },
    }
    const off = { bottleneck: { revival: null }, part: { revival: null } }
    const [field] = sectionsOf(off, node).find((section) => section.name === 'bottleneck')!.fields
    expect([field.path, field.control, field.value, field.label]).toEqual([
      'bottleneck.revival.enabled',
      'flag',
      false,
      'revival enabled',
    ])
    expect([
      switched('bottleneck.revival.enabled', off),
      switched('bottleneck.revival.enabled', { bottleneck: { revival: {} } }),
      switched('bottleneck.revival', off),
    ]).toEqual(['bottleneck.revival', null, null])
  })
  it('sends what was changed, kinds first', () => {
    expect(
      overridesOf(
        new Map([
          ['bottleneck.codes', '8'],
          ['bottleneck.kind', 'vq'],
        ]),
      ),
    ).toEqual(['bottleneck.kind=vq', 'bottleneck.codes=8'])
    expect([written(null), written([1, 2]), written({ kind: 'linear', start: 0 }), written(true)]).toEqual([
      'null',
      '[1, 2]',
      '{kind: linear, start: 0}',
      'true',
    ])
  })
  it('writes a list with its brackets, however it was typed', () => {
    expect(['128, 64', '[128,64', '128 ,64]', '[128, 64]'].map((text) => tidied(text, true))).toEqual(Array(4).fill('[128, 64]'))
    expect([tidied(' 7 ', false), tidied('[7', false), tidied('[[1], [2]]', true), tidied('null', true)]).toEqual([
      '7',
      '[7',
      '[[1], [2]]',
      'null',
    ])
  })
  it('shows what is wrong with an item at its list', () => {
    const widths = sectionsOf(spec, schema)[1].fields[1]
    expect([isAt('bottleneck.codes', widths), isAt('bottleneck.codes.0', widths), isAt('bottleneck', widths)]).toEqual([
      true,
      true,
      false,
    ])
  })
  it('follows another kind at once, with what both kinds have as it was', () => {
    const node: Node = {
      properties: {
        data: {
          oneOf: [],
          discriminator: { propertyName: 'kind', mapping: { digits: '#/$defs/digits', images: '#/$defs/images' } },
        },
      },
      $defs: {
        digits: {
          properties: {
            kind: { const: 'digits' },
            size: { type: 'string', default: '28x28', description: 'pixels' },
            frames: { type: 'integer', default: 3 },
          },
        },
        images: {
          required: ['kind', 'path'],
          properties: {
            kind: { const: 'images' },
            size: { type: 'string', default: '64x64' },
            frames: { type: 'string', default: 'all' },
            path: { type: 'string' },
          },
        },
      },
    }
    const base = { name: 'a', data: { kind: 'digits', size: '32x32', frames: 7 } }
    const sets = [
      { name: 'flowers', data: { kind: 'images', size: '96x96', path: '/flowers' }, problem: '' },
      { name: 'old', data: {}, problem: 'its file is damaged' },
    ]
    const drawn = ofKind(base, base, 'data', 'images', node, sets)
    expect(drawn).toEqual({ name: 'a', data: { kind: 'images', size: '32x32', frames: 'all', path: undefined } })
    const fields = sectionsOf(drawn, node, sets).find((section) => section.name === 'data')!.fields
    const path = fields.find((field) => field.path === 'data.path')!
    expect([path.control, path.needed, path.first, written(path.value)]).toEqual(['path', true, true, ''])
    expect(fields[0].sets?.map((one) => one.name)).toEqual(['flowers', 'old'])
    expect(ofKind(drawn, base, 'data', 'flowers', node, sets).data).toEqual({
      kind: 'images',
      size: '32x32',
      path: '/flowers',
      channels: undefined,
    })
    expect(ofKind(drawn, base, 'data', 'digits', node, sets)).toEqual(base)
    expect(ofKind(drawn, base, 'data', 'none-such', node, sets)).toBe(drawn)
    // What was judged has the recipe's own data again, as long as the path is missing.
    const chosen = new Map([
      ['data.kind', 'images'],
      ['data.size', '8x8'],
    ])
    expect(asChosen(base, chosen, base, node, sets)).toEqual(drawn)
    const right = { ...base, data: { kind: 'images', path: '/x' } }
    expect(asChosen(right, chosen, base, node, sets)).toBe(right)
    expect(asChosen(right, new Map([['data.kind', 'flowers']]), base, node, sets)).toBe(right)
  })
  it('reads overrides back from an address', () => {
    expect([...changesOf(['data.path=/a=b', 'x'])]).toEqual([['data.path', '/a=b']])
  })
  it('forgets what was changed of a kind that is no longer chosen', () => {
    const changes = new Map([
      ['bottleneck.codes', '8'],
      ['optimizer.lr', '1'],
      ['bottleneck.kind', 'fsq'],
      ['bottleneck.revival.patience', '3'],
    ])
    expect([...withoutSection(changes, 'bottleneck.kind').keys()]).toEqual(['optimizer.lr', 'bottleneck.kind'])
  })
})
