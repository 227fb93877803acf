import { postJson } from '../lib/api'
import type { SpareResponse } from '../lib/protocol'

const EVERY_MS = 25_000 // the studio keeps it for a minute
const IDLE_MS = 10 * 60_000 // nobody has touched the page for so long: it is only open

/** Has the studio keep a process ready that has loaded torch, for as long as this page is open, seen and used. Gives back its end. */
export function keepSpare(): () => void {
  let used = Date.now()
  const ask = (): void => {
    // A start only takes longer without
    if (!document.hidden && Date.now() - used < IDLE_MS) postJson<SpareResponse>('/api/spare').catch(() => undefined)
  }
  const touched = (): void => {
    const idle = Date.now() - used >= IDLE_MS
    used = Date.now()
    if (idle) ask()
  }
  const timer = setInterval(ask, EVERY_MS)
  const touches = ['pointerdown', 'pointermove', 'keydown'] as const
  for (const touch of touches) window.addEventListener(touch, touched, { passive: true })
  document.addEventListener('visibilitychange', ask)
  ask()
  return () => {
    clearInterval(timer)
    for (const touch of touches) window.removeEventListener(touch, touched)
    document.removeEventListener('visibilitychange', ask)
  }
}
