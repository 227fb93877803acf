import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** The animation frames that were asked for, run by hand. */
let waiting: ((time: number) => void)[] = []
let now = 0
function frames(count: number, gap: number): void {
  for (let i = 0; i < count; i++) {
    now += gap
    for (const tick of waiting.splice(0)) tick(now)
  }
}

describe('the draw loop', () => {
  beforeEach(() => {
    vi.resetModules()
    waiting = []
    now = 1000
    vi.stubGlobal('requestAnimationFrame', (tick: (time: number) => void) => waiting.push(tick))
    vi.stubGlobal('performance', { now: () => now })
  })
  afterEach(() => vi.unstubAllGlobals())

  async function moving(): Promise<{ drawn: () => number; awaitResponse: (most: number) => void }> {
    const { draw, awaitResponse } = await import('./loop')
    let drawn = 0
    draw(() => {
      drawn += 1
      return true
    })
    return { drawn: () => drawn, awaitResponse }
  }

  it('draws nothing whose place is gone, until it has one again', async () => {
    const { begin, draw, undraw } = await import('./loop')
    let drawn = 0
    const painter = (): void => void (drawn += 1)
    draw(painter)
    undraw(painter)
    draw(painter) // an answer that came late
    frames(2, 30)
    expect(drawn).toBe(0)
    begin(painter)
    draw(painter)
    frames(2, 30)
    expect(drawn).toBe(1)
    draw(() => undraw(painter))
    draw(painter)
    frames(1, 30)
    expect(drawn).toBe(1)
  })

  it('draws every frame, and asks for none when nothing moves', async () => {
    const { draw } = await import('./loop')
    const { drawn } = await moving()
    frames(40, 30)
    expect(drawn()).toBe(40)
    draw(() => undefined)
    frames(1, 30)
    expect(waiting.length).toBe(1) // the one that moves
  })
  it('leaves every second frame to an answer that is waited for, where frames are slow', async () => {
    const { drawn, awaitResponse } = await moving()
    frames(40, 30)
    awaitResponse(400)
    frames(10, 30)
    expect(drawn()).toBe(45)
    awaitResponse(0) // it is here
    frames(10, 30)
    expect(drawn()).toBe(55)
    awaitResponse(400)
    frames(20, 30) // 600 ms: it did not come; 7 of the 13 frames in 400 ms were left out
    expect(drawn()).toBe(68)
  })
  it('leaves none where there is time enough', async () => {
    const { drawn, awaitResponse } = await moving()
    frames(40, 16.7)
    awaitResponse(400)
    frames(10, 16.7)
    expect(drawn()).toBe(50)
  })
})
