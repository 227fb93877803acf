import { typing } from '../parts/keys'
import type { Brush } from './brush.svelte'
import type { Player } from './player.svelte'
import { anotherSeed, type Settings } from './settings'

export type Act = 'brush' | 'anew' | 'clear' | 'continue' | 'back' | 'keep' | 'command' | 'link'

export interface Hands {
  brush: Brush
  player: Player
  drawing: boolean
  ready: boolean // something is there to act on
  clips: boolean
  frames: number
  frame: number
  count: number
  picked: number
  pick: (n: number) => void
  dream: (changes?: Partial<Settings>) => void
  stop: () => void
  act: (what: Act) => void
}

const ARROWS: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

/** What a key does on the page; false where it is nobody's. */
export function dreamKey(event: KeyboardEvent, hands: Hands): boolean {
  if (typing(event)) return false
  const { brush, ready, act } = hands
  const { target } = event
  const slider = target instanceof HTMLInputElement && target.type === 'range'
  // A picked item, an image that is chosen and a mode that is on have nothing left to do for Enter.
  const onButton =
    target instanceof HTMLElement &&
    target.closest('button, a, dialog') !== null &&
    !target.closest('[data-item], [data-origin][aria-selected="true"], .seg [aria-pressed="true"]')
  const way = ARROWS[event.key]
  if (way && slider) return false
  if ((event.key === 'Enter' || event.key === ' ') && onButton) return false
  if (brush.on && ready) {
    if (way) brush.move(...way)
    else if (event.key === 'x' || event.key === 'X') brush.begin(brush.cursor)
    else if (event.key === '[' || event.key === ']') brush.resize(event.key === ']' ? 1 : -1)
    else if (event.key === 'a' || event.key === 'A') brush.all()
    else if (event.key === 'g' || event.key === 'G' || event.key === 'Enter') act('anew')
    else if ((event.key === 'n' || event.key === 'N') && brush.cells.size)
      return true // what is painted stays
    else if (event.key === 'n' || event.key === 'N') hands.dream({ seed: anotherSeed() })
    else if (event.key === 'Escape' || event.key === 'b' || event.key === 'B') act('brush')
    else return time(event, hands)
    return true
  }
  if (way && hands.count > 1) {
    if (way[0]) return false // up and down are for the page
    hands.pick((hands.picked + way[1] + hands.count) % hands.count)
  } else if (event.key === 'Escape' && hands.drawing) hands.stop()
  else if (event.key === 'Enter' && !hands.drawing) hands.dream()
  else if (event.key === 'n' || event.key === 'N') hands.dream({ seed: anotherSeed() })
  else if (!ready) return time(event, hands)
  else if (event.key === 'b' || event.key === 'B') act('brush')
  else if ((event.key === 'c' || event.key === 'C') && hands.clips) act('continue')
  else if (event.key === 'z' || event.key === 'Z') act('back')
  else if (event.key === 'k' || event.key === 'K') act('keep')
  else return time(event, hands)
  return true
}

function time(event: KeyboardEvent, { clips, player, frame, frames }: Hands): boolean {
  if (!clips) return false
  if (event.key === ' ') player.toggle()
  else if (event.key === ',' || event.key === '.') player.scrub(frame + (event.key === '.' ? 1 : -1), frames)
  else return false
  return true
}
