import { describe, expect, it } from 'vitest'
import { drag } from './drag'

/** A canvas at (100, 50) of the window, and what was events of it. */
function view() {
  const events: unknown[][] = []
  const node = Object.assign(new EventTarget(), {
    getBoundingClientRect: () => ({ left: 100, top: 50 }),
    setPointerCapture: (id: number) => events.push(['captured', id]),
  })
  const record =
    (name: string) =>
    (...what: unknown[]) =>
      void events.push([name, ...what])
  const made = drag(node as unknown as HTMLElement, {
    hover: record('hover'),
    click: record('click'),
    pan: record('pan'),
    zoom: record('zoom'),
    dragging: record('dragging'),
  })
  const send = (type: string, x = 0, y = 0, more: object = {}): Event => {
    const event = Object.assign(new Event(type, { cancelable: true }), {
      clientX: x + 100,
      clientY: y + 50,
      button: 0,
      pointerId: 7,
      ...more,
    })
    node.dispatchEvent(event)
    return event
  }
  return { send, made, take: () => events.splice(0) }
}

describe('a view that is moved by hand', () => {
  it('tells where the pointer rests, and that it has left', () => {
    const { send, take } = view()
    send('pointermove', 3, 4)
    send('pointerleave')
    expect(take()).toEqual([
      ['hover', [3, 4]],
      ['hover', null],
    ])
  })

  it('takes a press that hardly moves for a click', () => {
    const { send, take } = view()
    send('pointerdown', 10, 10)
    send('pointermove', 11, 12)
    send('pointerup', 11, 12)
    expect(take()).toEqual([
      ['captured', 7],
      ['click', 11, 12],
    ])
  })

  it('pans by what the hand moves from then on, and is no click', () => {
    const { send, take } = view()
    send('pointerdown', 10, 10)
    send('pointermove', 14, 10)
    send('pointerleave')
    send('pointermove', 14, 7)
    send('pointerup', 14, 7)
    send('pointermove', 0, 0)
    expect(take()).toEqual([
      ['captured', 7],
      ['dragging', true],
      ['pan', 4, 0],
      ['pan', 0, -3],
      ['dragging', false],
      ['hover', [0, 0]],
    ])
  })

  it('lets go when the browser takes the pointer away', () => {
    const { send, take } = view()
    send('pointerdown', 0, 0)
    send('pointermove', 9, 0)
    send('pointercancel')
    send('pointerup', 9, 0)
    expect(take().slice(1)).toEqual([
      ['dragging', true],
      ['pan', 9, 0],
      ['dragging', false],
    ])
  })

  it('leaves other buttons alone', () => {
    const { send, take } = view()
    send('pointerdown', 0, 0, { button: 2 })
    send('pointerup', 0, 0, { button: 2 })
    expect(take()).toEqual([])
  })

  it('zooms around the pointer, by pixels or by lines, and the page does not scroll', () => {
    const { send, take } = view()
    const event = send('wheel', 5, 6, { deltaY: -16, deltaMode: 0 })
    send('wheel', 5, 6, { deltaY: -1, deltaMode: 1 })
    expect(event.defaultPrevented).toBe(true)
    const [one, other] = take()
    expect(one).toEqual(other)
    expect(one.slice(0, 3)).toEqual(['zoom', 5, 6])
    expect(one[3]).toBeGreaterThan(1)
  })

  it('hears nothing after its end', () => {
    const { send, made, take } = view()
    made.destroy?.()
    send('pointermove', 3, 4)
    send('wheel')
    expect(take()).toEqual([])
  })
})
