/**
 * Everything that a view shows is in the address: `#/runs/ID?view=sum&at=400`, `#/runs/ID/latent?at=seed:7`. Reading it again, or
 * sending it to someone, gives the same view. A value equal to its default is left out.
 */
export interface Route {
  page: string // name of one in pages.ts, or of none
  id: string // of the run that the page is of; '' where it is of none
  query: Record<string, string>
}

export function parseHash(hash: string): Route {
  const [path, search = ''] = hash.replace(/^#/, '').split('?', 2)
  const parts = path.split('/').filter(Boolean)
  const query = Object.fromEntries(new URLSearchParams(search))
  if (parts[0] === 'runs' && parts[1]) return { page: parts[2] ?? 'live', id: safeDecode(parts[1]), query }
  return { page: parts[0] ?? 'runs', id: '', query }
}

export function makeHash(path: string, query: Record<string, string | null | undefined>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== '') params.set(name, value)
  const search = params.toString().replaceAll('%2C', ',')
  return `#${path}${search ? `?${search}` : ''}`
}

/** Whether a run may be called so: anything else is none, and would be a place elsewhere in an address. As `_plain` in studio/paths.py. */
export const mayBeRun = (id: string): boolean =>
  id.length > 0 && id.length <= 200 && !id.startsWith('.') && !/[/\\:"\p{Cc}]/u.test(id)

/** The path of a page of a run; without a name its live page. */
export const runPath = (id: string, page = 'live'): string =>
  `/runs/${encodeURIComponent(id)}${page === 'live' ? '' : `/${page}`}`
export const livePath = (id: string): string => runPath(id)

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What was collected on the way is not lost by going back: the keyframes and the directions that a person has kept. */
const KEPT = ['keys', 'frames', 'how', 'ease', 'loop', 'dirs']
const OURS = 'tilework' // the history's note on an entry that a page made, where others were typed or linked to

/** The query of an entry that was gone back to, with what was kept since. */
export function withKept(query: Record<string, string>, now: Record<string, string>): Record<string, string> {
  const kept = Object.entries(now).filter(([name]) => KEPT.includes(name))
  return { ...Object.fromEntries(Object.entries(query).filter(([name]) => !KEPT.includes(name))), ...Object.fromEntries(kept) }
}

class Router {
  current = $state.raw<Route>({ page: 'runs', id: '', query: {} })

  private known: string | null = null // the address as it was read or written last

  start(): void {
    window.addEventListener('hashchange', () => this.read())
    this.read()
  }

  /** Follow the address where it is another one than is known. */
  private read(): void {
    if (location.hash === this.known) return
    const before = this.current
    this.take()
    const { page, id, query } = this.current
    if (history.state === OURS && page === before.page && id === before.id)
      this.set({ ...Object.fromEntries(KEPT.map((name) => [name, null])), ...withKept(query, before.query) })
  }

  private take(): void {
    this.known = location.hash
    this.current = parseHash(this.known)
  }

  go(hash: string): void {
    location.hash = hash
  }

  /** Change part of the view without a new entry in the history: of what follows the hand, nobody goes back through every state. */
  set(changes: Record<string, string | null>): void {
    this.read() // who has gone back is followed first: the event that reports it comes later
    history.replaceState(OURS, '', this.changed(changes))
    this.take()
  }

  /** The same as a step that the browser goes back from: another image, another code, another tab. */
  step(changes: Record<string, string | null>): void {
    this.read()
    const hash = this.changed(changes)
    if (hash === location.hash) return
    history.pushState(OURS, '', hash)
    this.take()
  }

  private changed(changes: Record<string, string | null>): string {
    const query: Record<string, string | null> = { ...parseHash(location.hash).query, ...changes }
    return makeHash(location.hash.replace(/^#/, '').split('?', 1)[0] || '/', query)
  }
}

export const router = new Router()
