import { describe, expect, it } from 'vitest'
import type { PriorFacts } from '../lib/protocol'
import { Brush } from './brush.svelte'
import { dreamCommand } from './command'
import { progressWords } from './dreaming.svelte'
import { columnsOf, laid, patchesOf } from './patches'
import { topKs, passes, lengths } from './scales'
import { drawing, fromQuery, labelsOf, leftOut, readCells, toQuery, usual, writeCells, type View } from './settings'
import { readShelf, Shelf } from './shelf.svelte'

const images: PriorFacts = {
  kind: 'masked',
  parent: 'digits',
  frames: 1,
  stride: 1,
  height: 7,
  width: 7,
  loop: false,
  classes: ['0', '1', '2'],
  passes: 16,
  orders: ['confidence', 'halton', 'random'],
  sees_both_sides: true,
  parameters: 10,
}
const loops: PriorFacts = { ...images, frames: 12, stride: 2, loop: true }
const query = (view: View, prior: PriorFacts): Record<string, string> =>
  Object.fromEntries(Object.entries(toQuery(view, prior)).filter(([, value]) => value !== null) as [string, string][])

describe('the address of a dream', () => {
  it('is empty of what is usual', () => {
    expect(query({ settings: usual(images), trail: [] }, images)).toEqual({})
    expect(query({ settings: usual(loops), trail: [] }, loops)).toEqual({})
  })

  it('says every setting and every step, and reads them again', () => {
    const view: View = {
      settings: {
        mode: 'morph',
        of: null,
        count: 1,
        frames: 40,
        label: '2',
        to: '0',
        temperature: 0.75,
        topK: 8,
        topP: 0.9,
        guidance: 2.5,
        steps: 4,
        order: 'random',
        seed: 77,
      },
      trail: [
        { kind: 'repaint', pick: 0, cells: [0, 7, 13, 48], seed: 5 },
        { kind: 'continue', pick: 0, key: 11, seed: 6 },
      ],
    }
    expect(fromQuery(query(view, loops), loops, 64)).toEqual(view)
  })

  it('names what it asks for and this prior cannot do', () => {
    const asked = { temperature: '500', top_k: '9', steps: '4', label: '9', seed: '77', order: 'spiral', then: 'r.0.1.zz' }
    expect(leftOut(asked, images, 8)).toEqual(['label 9', 'temperature 500', 'top_k 9', 'order spiral', 'then r.0.1.zz'])
    expect(leftOut({ n: '1000', frames: '12' }, images, 8)).toEqual(['n 1000', 'frames 12'])
    expect(leftOut({ n: '9', frames: '12', to: '1', temperature: '1.50' }, loops, 8)).toEqual(['n 9'])
    expect(leftOut({ n: '64', view: 'x', pick: '3', temperature: '1.50' }, images, 8)).toEqual([])
  })

  it("begins with an image of the data set, or of a person's own", () => {
    for (const of of ['validation:3', 'train:0', 'image:a cat (2).png']) {
      const view: View = {
        settings: { ...usual(loops), mode: 'image', of, label: '1' },
        trail: [{ kind: 'continue', pick: 0, key: 0, seed: 6 }],
      }
      expect(fromQuery(query(view, loops), loops, 64)).toEqual(view)
    }
    for (const of of ['nothing', 'validation:', 'validation:x', 'image:', ''])
      expect(fromQuery({ of }, loops, 64).settings).toEqual(usual(loops))
    expect(fromQuery({ of: 'train:1', to: '1', n: '7' }, loops, 64).settings, 'one image and no morph').toEqual({
      ...usual(loops),
      mode: 'image',
      of: 'train:1',
      count: 7,
    })
  })

  it('of what a prior cannot do says nothing: it is as usual', () => {
    const given = {
      n: '9999',
      frames: '12',
      label: '7',
      to: '1',
      top_k: '65',
      temperature: '-1',
      top_p: 'x',
      steps: '0',
      order: 'up',
      seed: '-3',
      guidance: 'NaN',
    }
    expect(fromQuery(given, images, 64).settings).toEqual(usual(images))
    expect(fromQuery({ steps: '3', guidance: '3' }, { ...images, passes: null, classes: [] }, 64).settings).toEqual(usual(images))
  })

  it('goes on as far as its steps can be read', () => {
    expect(fromQuery({ then: `r.1.2.${writeCells([3], 49)}~nonsense~c.0.1.2` }, images, 64).trail).toEqual([
      { kind: 'repaint', pick: 1, cells: [3], seed: 2 },
    ])
    expect(fromQuery({ then: 'r.0.0.0000' }, images, 64).trail, 'no cell is no region').toEqual([])
  })

  it('writes cells four to a digit', () => {
    for (const cells of [[], [0], [3], [4], [0, 1, 2, 3], [48], [5, 21, 47]])
      expect(readCells(writeCells(cells, 49), 49)).toEqual(cells)
    expect(writeCells([0, 4, 7], 8)).toBe('89')
    expect(readCells('ffff', 6)).toEqual([0, 1, 2, 3, 4, 5])
  })
})

describe('what is asked', () => {
  it('leaves out what is usual, and never the seed', () => {
    expect(drawing(usual(images))).toEqual({ seed: 0 })
    expect(drawing({ ...usual(images), temperature: 0.5, topK: 3, order: 'random' }, 9)).toEqual({
      temperature: 0.5,
      top_k: 3,
      order: 'random',
      seed: 9,
    })
  })

  it('is the command that makes the same', () => {
    const settings = { ...usual(loops), label: "it's", topK: 4, seed: 3, frames: 48 }
    expect(dreamCommand('a run', 'last', 'cpu', { settings, trail: [] }, loops, 'gif')).toBe(
      `tilework dream 'a run' --frames 48 --label 'it'\\''s' --top-k 4 --seed 3 --which last --device cpu --out loop.gif`,
    )
    expect(dreamCommand('r', 'best', 'auto', { settings: usual(images), trail: [] }, images, 'png')).toBe(
      'tilework dream r --seed 0 --out dream.png',
    )
    expect(
      dreamCommand(
        'r',
        'best',
        'auto',
        { settings: usual(images), trail: [{ kind: 'continue', pick: 0, key: 0, seed: 1 }] },
        images,
        'png',
      ),
    ).toBeNull()
    expect(
      dreamCommand(
        'r',
        'best',
        'auto',
        { settings: { ...usual(images), mode: 'image', of: 'train:1' }, trail: [] },
        images,
        'png',
      ),
    ).toBeNull()
  })

  it('has each label in turn where none is named', () => {
    expect(labelsOf({ settings: { ...usual(images), count: 4 }, trail: [] }, images)).toEqual(['0', '1', '2', '0'])
    expect(labelsOf({ settings: { ...usual(loops), count: 2, seed: 1 }, trail: [] }, loops)).toEqual(['1', '2'])
    expect(labelsOf({ settings: { ...usual(loops), label: '1' }, trail: [] }, loops)).toEqual(['1'])
  })
})

describe('an image while it is drawn', () => {
  const patches = patchesOf(
    { shape: [2, 3, 3, 1], data: Uint8Array.from([0, 0, 0, 0, 10, 0, 0, 0, 0, 1, 1, 1, 1, 20, 1, 1, 1, 1]) },
    [1, 1],
  )

  it('is laid of the middles of tiles, and empty where no token is yet', () => {
    const { width, height, rgba } = laid(
      { shape: [1, 2, 1, 2, 2], data: Int32Array.from([-1, -1, -1, -1, 1, -1, 0, 1]) },
      patches,
      0,
      1,
    )
    expect([width, height]).toEqual([2, 2])
    expect([...rgba]).toEqual([20, 20, 20, 255, 0, 0, 0, 0, 10, 10, 10, 255, 20, 20, 20, 255])
  })

  it('shows the first level of several', () => {
    const { rgba } = laid({ shape: [1, 1, 2, 1, 1], data: Int32Array.from([0, 1]) }, patches, 0, 5)
    expect([...rgba]).toEqual([10, 10, 10, 255])
  })

  it('tells how far it is', () => {
    const facts = { part: 1, first: 0, drawn: 12, passes: 32, share: 0.4 }
    const tokens = { shape: [1, 1, 1, 1, 1], data: new Int32Array(1) }
    expect(progressWords({ facts, tokens }, 1, 1)).toBe('drawing 12 of 32 passes')
    expect(progressWords({ facts: { ...facts, passes: null, part: 2 }, tokens }, 2, 3)).toBe(
      'drawing 40\u00a0% of the tokens, part 2, step 2 of 3',
    )
  })

  it('has as much room as there is', () => {
    expect(columnsOf(16, 400, 400, 1, 0)).toEqual({ columns: 4, side: 100 })
    expect(columnsOf(1, 300, 200, 1, 10)).toEqual({ columns: 1, side: 200 })
    expect(columnsOf(2, 400, 100, 1, 0).columns).toBe(2)
  })
})

describe('the brush', () => {
  it('puts in and takes out as the stroke began, and stays on the grid', () => {
    const brush = new Brush({ width: 4, height: 3 })
    brush.size = 2
    brush.begin(11) // the last cell
    expect(brush.sorted).toEqual([11])
    brush.sweep(0)
    expect(brush.sorted).toEqual([0, 1, 4, 5, 11])
    brush.begin(1)
    expect(brush.sorted).toEqual([0, 4, 11])
    brush.all()
    expect(brush.cells.size).toBe(12)
    brush.all()
    expect(brush.cells.size).toBe(0)
    brush.cursor = 0
    brush.move(-1, 9)
    expect(brush.cursor).toBe(3)
  })
})

describe('small things', () => {
  it('sliders end where there is no more', () => {
    expect(topKs(8)).toEqual([1, 2, 3, 4, 6, null])
    expect(passes(4, 8)).toEqual([1, 2, 3, 4, 6, null, 10, 12, 16])
    expect(lengths(24, 60)).toEqual([12, null, 36, 48])
  })

  it('a shelf that was written by something else is empty', () => {
    const good = { query: 'seed=1', title: 'x', image: 'data:image/png;base64,AAAA' }
    expect(readShelf(JSON.stringify([good, { ...good, image: 'https://example.org/x.png' }, 3, null]))).toEqual([good])
    const { image, ...rest } = good
    expect(readShelf(JSON.stringify([{ ...rest, picture: image }]))).toMatchObject([good]) // as earlier versions kept it
    for (const text of [null, '', '{', '3', '{"a":1}']) expect(readShelf(text)).toEqual([])
  })
})

describe('what was kept', () => {
  it('can be put back where it was', () => {
    const store = new Map<string, string>()
    globalThis.localStorage = {
      getItem: (name: string) => store.get(name) ?? null,
      setItem: (name: string, value: string) => void store.set(name, value),
    } as Storage
    const shelf = new Shelf('run')
    for (const query of ['a', 'b', 'c']) shelf.toggle({ query, title: query, image: 'data:image/png;base64,' })
    shelf.toggle(shelf.all[1])
    expect(shelf.all.map(({ query }) => query)).toEqual(['c', 'a'])
    shelf.putBack()
    expect(new Shelf('run').all.map(({ query }) => query)).toEqual(['c', 'b', 'a'])
    expect(shelf.removed).toBe(null)
    shelf.remove('c')
    shelf.toggle({ query: 'd', title: 'd', image: 'data:image/png;base64,' })
    expect(shelf.removed).toBe(null) // what is kept next takes its place
  })
})
