/** A dream that someone liked: the address that makes it again, and a small image. */
export interface Liked {
  query: string // of the address, in a fixed order
  title: string
  image: string // data: address of a PNG
}

const MOST = 60
const key = (run: string): string => `tilework.dreams.${run}`

export function readShelf(text: string | null): Liked[] {
  try {
    const found: unknown = JSON.parse(text ?? '[]')
    const fits = (one: unknown): one is Liked => {
      const { query, title, image } = (one ?? {}) as Partial<Liked>
      return (
        typeof query === 'string' &&
        typeof title === 'string' &&
        typeof image === 'string' &&
        image.startsWith('data:image/png;base64,')
      )
    }
    // As earlier versions kept it
    const named = (one: { picture?: unknown } | null): unknown => (one?.picture ? { ...one, image: one.picture } : one)
    return Array.isArray(found) ? found.map(named).filter(fits).slice(0, MOST) : []
  } catch {
    return []
  }
}

/** The liked dreams of a run, the newest first, kept by the browser. */
export class Shelf {
  all = $state.raw<Liked[]>([])
  full = $state(false) // the browser keeps no more
  removed = $state.raw<{ one: Liked; place: number } | null>(null) // the newest that was, which may be put back

  constructor(private readonly run: string) {
    this.reread()
  }

  has(query: string): boolean {
    return this.all.some((one) => one.query === query)
  }

  /** What another tab of this browser has kept or removed meanwhile counts too. */
  reread(): void {
    try {
      this.all = readShelf(localStorage.getItem(key(this.run)))
    } catch {
      // a window that stores nothing has what it has
    }
  }

  toggle(one: Liked): void {
    this.reread()
    if (this.has(one.query)) return this.remove(one.query)
    this.removed = null
    this.write([one, ...this.all].slice(0, MOST))
  }

  remove(query: string): void {
    this.reread()
    const place = this.all.findIndex((one) => one.query === query)
    if (place < 0) return
    this.removed = { one: this.all[place], place }
    this.write(this.all.filter((one) => one.query !== query))
  }

  putBack(): void {
    const removed = this.removed
    this.reread()
    this.removed = null
    if (!removed || this.has(removed.one.query)) return
    const { one, place } = removed
    this.write([...this.all.slice(0, place), one, ...this.all.slice(place)].slice(0, MOST))
  }

  private write(all: Liked[]): void {
    this.all = all
    try {
      localStorage.setItem(key(this.run), JSON.stringify(all))
      this.full = false
    } catch {
      this.full = true
    }
  }
}
