import { describe, expect, it } from 'vitest'
import { around, between, cellsIn, covered, cutOut, differing, having, painted, pasted, type Grid } from './codes'
import { command, edited, editsOf } from './edits'
import { History } from './history.svelte'

const one: Grid = { levels: 1, height: 3, width: 4, codes: 9 }
const two: Grid = { ...one, levels: 2 }
const zeros = (grid: Grid): Int32Array => new Int32Array(grid.levels * grid.height * grid.width)

describe('edits as text', () => {
  it('are rectangles, and read back as the same codes', () => {
    const from = zeros(two)
    let to = painted(two, from, 0, cellsIn({ top: 0, left: 1, bottom: 1, right: 2 }, 4), 5)
    to = painted(two, to, 1, [11], 3)
    expect(editsOf(two, from, to)).toEqual(['1,0-1,1-2=5', '2,2,3=3'])
    expect(edited(two, from, '1,0-1,1-2=5;2,2,3=3')).toEqual({ codes: to, refused: [] })
  })
  it('leave the level out where there is one, and write all as a star', () => {
    const to = painted(one, zeros(one), 0, cellsIn({ top: 0, left: 0, bottom: 2, right: 3 }, 4), 8)
    expect(editsOf(one, zeros(one), to)).toEqual(['*,*=8'])
    expect(edited(one, zeros(one), '*,*=8').codes).toEqual(to)
  })
  it('of any codes read back as the same', () => {
    let seed = 7
    const next = (n: number): number => (seed = (seed * 48271) % 2147483647) % n
    for (let n = 0; n < 50; n++) {
      const [from, to] = [zeros(two), zeros(two)].map((codes) => codes.map(() => next(3)))
      expect(edited(two, from, editsOf(two, from, to).join(';')).codes).toEqual(to)
    }
  })
  it('that do not fit are named and left out', () => {
    const { codes, refused } = edited(one, zeros(one), '0,0=9;3,0=1;1,1=2;x;0,2-1=1;1,0,4=1;2,0,0=1')
    expect(refused).toEqual(['0,0=9', '3,0=1', 'x', '0,2-1=1', '1,0,4=1', '2,0,0=1'])
    expect(differing(codes, zeros(one))).toBe(1)
  })
  it('make the line of the shell', () => {
    expect(command('a-run', 'validation:12', ['*,*=8', '1,2=3'], 'best')).toBe(
      "tilework tokens a-run validation:12 --set '*,*=8' --set 1,2=3 --out tokens.png",
    )
    expect(command('a-run', 'image:my-cat-12', [], 'step-00001200')).toBe(
      'tilework tokens a-run my-cat-12 --which 1200 --out tokens.png',
    )
  })
})

describe('cells', () => {
  it('of a region, around some, and with a code', () => {
    expect(cellsIn(between(6, 1, 4), 4)).toEqual([1, 2, 5, 6])
    expect(around([1, 6, 4], 4)).toEqual({ top: 0, left: 0, bottom: 1, right: 2 })
    expect(having(one, painted(one, zeros(one), 0, [3, 7], 2), 0, 2)).toEqual([3, 7])
  })
  it('are copied elsewhere, and what would lie outside is left out', () => {
    const from = Int32Array.from({ length: 24 }, (_, i) => i % 9)
    const piece = cutOut(two, from, [0, 1, 4, 5], 'validation:1')!
    expect(covered(two, piece, 11).map(({ cell }) => cell)).toEqual([11])
    const to = pasted(two, zeros(two), piece, 6, [0, 1])
    expect([to[6], to[7], to[10], to[11]]).toEqual([from[0], from[1], from[4], from[5]])
    expect(to[12 + 11]).toBe(from[12 + 5])
  })
})

describe('history', () => {
  it('goes back and forth; a gesture is one step', () => {
    const history = new History(0)
    history.put(1)
    history.put(2, 'sweep')
    history.put(3, 'sweep')
    history.undo()
    expect(history.now).toBe(1)
    history.redo()
    expect(history.now).toBe(3)
    history.undo()
    history.put(9)
    expect([history.canUndo, history.canRedo]).toEqual([true, false])
    history.undo()
    history.undo()
    expect([history.now, history.canUndo]).toEqual([0, false])
  })
})
