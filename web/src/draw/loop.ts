/**
 * The one draw loop. A painter says when it has something to draw; while nobody has, no animation frame is asked for.
 * A painter that returns true wants the next frame too.
 */
export type Painter = (time: number) => boolean | void

const waiting = new Set<Painter>()
let asked = false

// Where drawing fills the time of the page, a message waits for two or three frames before it is looked at. While somebody waits
// for an answer every second frame is left to it; where there is time enough, none.
const SLOW = 18 // ms between frames, on average
let beat = 0
let last = 0
let waitsUntil = 0
let skipped = false

/** Someone waits for an answer, for so many milliseconds at most; 0 = it is here. */
export function awaitResponse(most: number): void {
  waitsUntil = most ? performance.now() + most : 0
}

/** Counters for measuring from outside: data frames taken, images drawn, what is shown, when the last mark was drawn. */
export const counters = { frames: 0, drawn: 0, lastDrawn: 0, lastFrame: 0, shown: {} as Record<string, unknown> }

/** Painters whose place is gone: an answer that comes late does not draw there any more. */
const ended = new WeakSet<Painter>()

export function draw(painter: Painter): void {
  if (ended.has(painter)) return
  waiting.add(painter)
  if (!asked) {
    asked = true
    requestAnimationFrame(tick)
  }
}

/** A painter has a place again. */
export function begin(painter: Painter): void {
  ended.delete(painter)
}

/** Its place is gone: it is not drawn until it begins again. */
export function undraw(painter: Painter): void {
  waiting.delete(painter)
  ended.add(painter)
}

function tick(time: number): void {
  const gap = time - last
  last = time
  if (gap < 100) beat += 0.1 * (gap - beat) // longer is no load: nothing was to be drawn
  skipped = !skipped && time < waitsUntil && beat > SLOW
  if (skipped) {
    requestAnimationFrame(tick)
    return
  }
  asked = false
  const now = [...waiting]
  waiting.clear()
  for (const painter of now) if (!ended.has(painter) && painter(time)) draw(painter)
}

declare global {
  interface Window {
    __tilework: typeof counters
  }
}

export function exposeCounters(): void {
  window.__tilework = counters
}
