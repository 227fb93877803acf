/** A view that is moved by hand: what pointer and wheel do on it, in its own pixels. */
import type { ActionReturn } from 'svelte/action'

export interface Moves {
  /** The pointer is here and holds nothing; null = it has left. */
  hover: (at: [x: number, y: number] | null) => void
  /** A press that did not become a drag. */
  click: (x: number, y: number) => void
  /** By so much since the last call. */
  pan: (dx: number, dy: number) => void
  /** Around this place; above 1 = nearer. */
  zoom: (x: number, y: number, factor: number) => void
  /** A drag begins or has ended. */
  dragging: (now: boolean) => void
}

const STILL = 3 // px that a hand may move during a click
const LINE = 16 // px of a line, for wheels that count in lines
const RATE = 0.0016 // of the zoom, per px of the wheel

/** `use:drag={moves}` on a canvas. */
export function drag(node: HTMLElement, moves: Moves): ActionReturn<Moves> {
  let last: { x: number; y: number; moved: number } | null = null
  const place = (event: MouseEvent): [number, number] => {
    const box = node.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }
  const dragged = (): boolean => last !== null && last.moved > STILL
  const end = (): void => {
    const was = dragged()
    last = null
    if (was) moves.dragging(false)
  }
  const on = {
    pointerdown(event: PointerEvent): void {
      if (event.button !== 0) return
      const [x, y] = place(event)
      last = { x, y, moved: 0 }
      node.setPointerCapture(event.pointerId)
    },
    pointermove(event: PointerEvent): void {
      const [x, y] = place(event)
      if (!last) return moves.hover([x, y])
      const was = dragged()
      last.moved += Math.abs(x - last.x) + Math.abs(y - last.y)
      if (dragged()) {
        if (!was) moves.dragging(true)
        moves.pan(x - last.x, y - last.y)
      }
      last.x = x
      last.y = y
    },
    pointerup(event: PointerEvent): void {
      const clicked = last !== null && !dragged()
      end()
      if (clicked) moves.click(...place(event))
    },
    pointercancel: end,
    pointerleave(): void {
      if (!last) moves.hover(null)
    },
    wheel(event: WheelEvent): void {
      event.preventDefault()
      moves.zoom(...place(event), Math.exp(-event.deltaY * (event.deltaMode === 1 ? LINE : 1) * RATE))
    },
  }
  const heard = Object.entries(on) as [string, EventListener][]
  for (const [name, act] of heard) node.addEventListener(name, act, { passive: false })
  return {
    update: (now) => (moves = now),
    destroy() {
      for (const [name, act] of heard) node.removeEventListener(name, act)
    },
  }
}
