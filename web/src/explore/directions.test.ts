import { describe, expect, it } from 'vitest'
import { joined, readNamed, title, writeNamed } from './directions'
import { readWay } from './points'

describe('named directions', () => {
  it('are read as they were written, whatever signs their names have', () => {
    const all = [
      { name: 'a|b~c%', way: '4>9' },
      { name: 'lean', way: 'pc2' },
    ]
    expect(readNamed(writeNamed(all))).toEqual(all)
  })

  it('leave out what is none', () => {
    expect(readNamed('x~nothing|~pc1|y~pc0|ok~pc3')).toEqual([{ name: 'ok', way: 'pc3' }])
    expect(readNamed(null)).toEqual([])
  })

  it('are one list of the address and of what was kept', () => {
    expect(
      joined(
        [{ name: 'a', way: 'pc1' }],
        [
          { name: 'b', way: 'pc1' },
          { name: 'c', way: 'pc2' },
        ],
      ),
    ).toEqual([
      { name: 'a', way: 'pc1' },
      { name: 'c', way: 'pc2' },
    ])
  })

  it('have a title without a name', () => {
    expect([readWay('pc2', 0)!, readWay('4>9', 0)!].map(title)).toEqual(['principal 2', '4 → 9'])
  })
})
