/** Ways from one mark to the next by the keyboard. */
export type Way = 'left' | 'right' | 'up' | 'down' | 'next' | 'previous' | 'first' | 'last'

const KEYS: Record<string, Way> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  PageDown: 'next',
  PageUp: 'previous',
  Home: 'first',
  End: 'last',
}
export const wayOf = (key: string): Way | null => KEYS[key] ?? null

const ASIDE = 2 // what a pixel to the side counts, of one straight on

/** The mark that a key leads to, of `places` in pixels, y down; from none to the one nearest to the middle. Null where there is none. */
export function towards(
  places: ArrayLike<number>,
  from: number | null,
  way: Way,
  [width, height]: [number, number],
): number | null {
  const many = places.length / 2
  if (!many) return null
  if (way === 'first') return 0
  if (way === 'last') return many - 1
  if (from === null || from >= many)
    return best(many, (i) => Math.hypot(places[2 * i] - width / 2, places[2 * i + 1] - height / 2))
  if (way === 'next' || way === 'previous') return (from + (way === 'next' ? 1 : many - 1)) % many
  const [x, y] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[way]
  return best(many, (i) => {
    const [dx, dy] = [places[2 * i] - places[2 * from], places[2 * i + 1] - places[2 * from + 1]]
    const on = dx * x + dy * y
    return i === from || on <= 0 ? Infinity : on + ASIDE * Math.abs(dx * y - dy * x)
  })
}

function best(many: number, cost: (i: number) => number): number | null {
  let found: number | null = null
  let least = Infinity
  for (let i = 0; i < many; i++) {
    const now = cost(i)
    if (now < least) [least, found] = [now, i]
  }
  return found
}
