/**
 * The one draw loop. A painter says when it has something to draw; while nobody has, no animation frame is asked for.
 * A painter that returns true wants the next frame too.
 */
export type Painter = (time: number) => boolean | void

const waiting = new Set<Painter>()
let asked = false

/** Counters for measuring from outside: data frames taken, pictures drawn, what is shown, when the last mark was drawn. */
export const counters = { frames: 0, drawn: 0, lastDrawn: 0, lastFrame: 0, shown: {} as Record<string, unknown> }

export function draw(painter: Painter): void {
  waiting.add(painter)
  if (!asked) {
    asked = true
    requestAnimationFrame(tick)
  }
}

export function undraw(painter: Painter): void {
  waiting.delete(painter)
}

function tick(time: number): void {
  asked = false
  const now = [...waiting]
  waiting.clear()
  for (const painter of now) if (painter(time)) draw(painter)
}

declare global {
  interface Window {
    __tilework: typeof counters
  }
}

export function exposeCounters(): void {
  window.__tilework = counters
}
