import { describe, expect, it } from 'vitest'
import { router } from './route.svelte'

/** A browser's history of one tab: going back changes the address at once and reports it later. */
class Tab {
  entries = [{ hash: '#/runs/a/latent?at=seed%3A6', state: null as unknown }]
  place = 0
  report: () => void = () => undefined

  get hash(): string {
    return this.entries[this.place].hash
  }
  get state(): unknown {
    return this.entries[this.place].state
  }
  replaceState(state: unknown, _: string, hash: string): void {
    this.entries[this.place] = { state, hash }
  }
  pushState(state: unknown, _: string, hash: string): void {
    this.entries = [...this.entries.slice(0, ++this.place), { state, hash }]
  }
}

describe('who goes back', () => {
  it('keeps what was kept, also where something is written before the browser reports it', () => {
    for (const late of [false, true]) {
      const tab = new Tab()
      Object.assign(globalThis, {
        location: tab,
        history: tab,
        window: { addEventListener: (_: string, report: () => void) => (tab.report = report) },
      })
      router.start()
      router.step({ view: 'map' })
      router.step({ view: null })
      router.set({ keys: 'seed:7' })
      tab.place--
      if (late) router.set({ at: 'seed:7' })
      tab.report()
      expect(router.current.query).toEqual({ view: 'map', at: late ? 'seed:7' : 'seed:6', keys: 'seed:7' })
    }
  })
})
