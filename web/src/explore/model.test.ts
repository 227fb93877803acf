import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Refused } from '../lib/api'
import { MOST_MESSAGE } from '../lib/connection'
import { packed } from '../lib/packed'
import { OpenModel } from './model.svelte'
import { waitsFor } from './waiting'

/** A socket whose other side is the test. */
class FakeSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static all: FakeSocket[] = []
  readyState = 0
  binaryType = ''
  sent: { type: string; ref: number; key: string; ask: Record<string, unknown> }[] = []
  onopen: (() => void) | null = null
  onclose: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null

  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {
    this.lose()
  }
  open(): void {
    this.readyState = 1
    this.onopen?.()
  }
  lose(): void {
    this.readyState = 3
    this.onclose?.()
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  answers(ref: number): void {
    this.onmessage?.({
      data: packed(
        { v: 1, channel: 'response', ref, kind: 'decode', ms: 1, facts: { points: [] } },
        { images: ['u1', [1, 1, 1, 1], [ref]] },
      ),
    })
  }
  get asked(): unknown[] {
    return this.sent.filter((one) => one.type === 'ask').map((one) => (one.ask.points as string[])[0])
  }
}

let model: OpenModel
const socket = (): FakeSocket => FakeSocket.all.at(-1)!
const decode = (key: string, point: string) => model.ask(key, 'decode', { points: [point] })

beforeEach(() => {
  FakeSocket.all = []
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('document', { baseURI: 'http://127.0.0.1:7860/' })
  vi.stubGlobal('fetch', () => Promise.reject(new Error('nobody is there')))
  vi.useFakeTimers()
  model = new OpenModel('a run', 'last')
})
afterEach(() => {
  model.end()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('an open model', () => {
  it('never sends what the studio would not read: that ask alone fails, and the next one is sent', async () => {
    socket().open()
    const long = model.ask('paint', 'paint', { codes: new Array<number>(MOST_MESSAGE / 2).fill(7) })
    await expect(long).rejects.toBeInstanceOf(Refused)
    expect(socket().sent).toEqual([])
    void decode('paint', 'seed:1')
    expect(socket().asked).toEqual(['seed:1'])
  })

  it.each(['..', '../x', 'a/b', '.trash', 'a:b', ''])('asks nobody for a run that cannot be: %s', (id) => {
    const before = FakeSocket.all.length
    const none = new OpenModel(id)
    expect(FakeSocket.all.length).toBe(before)
    expect(none.state?.state).toBe('ended')
    expect(none.gone).toContain('there is no run')
    none.end()
  })

  it('says what is waited for at every stage', () => {
    const words = [waitsFor(model)]
    socket().open()
    for (const state of ['starting', 'loading', 'ready', 'ended']) {
      socket().says({ type: 'state', state, checkpoint: 'a', step: 1, message: '', fix: '' })
      words.push(waitsFor(model))
    }
    expect(new Set(words).size).toBe(5)
    expect(words[1]).toContain('PyTorch')
    expect(words[2]).toContain('checkpoint')
  })

  it('is reached by its run, checkpoint and device', () => {
    expect(socket().url).toBe('ws://127.0.0.1:7860/ws/models/a%20run?which=last&device=auto')
  })

  it('is asked the newest only, once the one before is answered; keys do not wait for each other', async () => {
    socket().open()
    const got = ['a', 'b', 'c'].map((point) => decode('image', point))
    void decode('row', 'x')
    expect(socket().asked).toEqual(['a', 'x'])
    socket().answers(1)
    expect((await got[0])!.images.data[0]).toBe(1)
    expect(await got[1]).toBeNull()
    expect(socket().asked).toEqual(['a', 'x', 'c'])
    socket().answers(3)
    expect((await got[2])!.ref).toBe(3)
  })

  it('is asked again what was on its way when the connection was lost, and what was asked before it was there', async () => {
    const got = decode('image', 'a')
    socket().open()
    expect(socket().asked).toEqual(['a'])
    socket().lose()
    await vi.advanceTimersByTimeAsync(1000)
    expect(FakeSocket.all.length).toBe(2)
    socket().open()
    expect(socket().asked).toEqual(['a'])
    socket().answers(1)
    expect((await got)!.ref).toBe(1)
  })

  it('says why an ask failed, and goes on with the next', async () => {
    socket().open()
    const [bad, good] = [decode('image', 'a'), decode('image', 'b')]
    socket().says({ type: 'failed', ref: 1, error: { what: 'no', why: '', fix: '' } })
    await expect(bad).rejects.toBeInstanceOf(Refused)
    socket().answers(2)
    expect((await good)!.ref).toBe(2)
  })

  it('whose process has died fails what was asked of it, and can be asked again', async () => {
    socket().open()
    const lost = [decode('image', 'a'), decode('image', 'b')]
    socket().says({ type: 'state', state: 'ended', message: 'killed', fix: 'ask again', checkpoint: null, step: null })
    for (const one of lost) await expect(one).rejects.toThrow('killed')
    const again = decode('image', 'c')
    socket().answers(3)
    expect((await again)!.ref).toBe(3)
  })

  it('is told what nobody waits for any more', async () => {
    socket().open()
    const got = decode('image', 'a')
    model.forget('image')
    expect(await got).toBeNull()
    expect(socket().sent.at(-1)).toEqual({ type: 'forget', key: 'image' })
    const next = decode('image', 'b')
    socket().answers(1) // came too late
    socket().answers(2)
    expect((await next)!.ref).toBe(2)
  })
})
