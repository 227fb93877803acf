import type { Pin } from '../scene/kin'
import { SHOWN, type Shown } from '../scene/scene'
import { router } from '../lib/route.svelte'

/** What the live page shows, read from and written to the address. Defaults are left out of it. */
const flag = (name: string, byDefault: boolean): boolean => {
  const value = router.current.query[name]
  return value === undefined ? byDefault : value === '1'
}
const setFlag = (name: string, value: boolean, byDefault: boolean): void =>
  router.set({ [name]: value === byDefault ? null : value ? '1' : '0' })

/** The level whose codes are the marks of the canvas, from 0; -1 where they are sums. */
export function levelShown(levels: number): number {
  if (levels < 2) return 0
  return view.shown === 'residual' ? Math.min(levels - 1, view.residualLevel) : view.shown === 'level' ? 0 : -1
}

export const view = {
  get shown(): Shown {
    const value = router.current.query.view as Shown
    return SHOWN.includes(value) ? value : 'level'
  },
  set shown(value: Shown) {
    router.set({ view: value === 'level' ? null : value })
  },
  get residualLevel(): number {
    return Math.max(1, Number(router.current.query.residual ?? 1) || 1)
  },
  set residualLevel(value: number) {
    router.set({ residual: value === 1 ? null : String(value) })
  },
  get cells(): boolean {
    return flag('cells', true)
  },
  set cells(value: boolean) {
    setFlag('cells', value, true)
  },
  get trails(): boolean {
    return flag('trails', true)
  },
  set trails(value: boolean) {
    setFlag('trails', value, true)
  },
  get labels(): boolean {
    return flag('labels', true)
  },
  set labels(value: boolean) {
    setFlag('labels', value, true)
  },
  get images(): boolean {
    return flag('images', false)
  },
  set images(value: boolean) {
    setFlag('images', value, false)
  },
  get probe(): boolean {
    return flag('probe', false)
  },
  set probe(value: boolean) {
    setFlag('probe', value, false)
  },
  get byCode(): boolean {
    return flag('bycode', false)
  },
  set byCode(value: boolean) {
    setFlag('bycode', value, false)
  },
  get map(): boolean {
    return flag('map', false)
  },
  set map(value: boolean) {
    setFlag('map', value, false)
  },
  /** Of many codes their order by number says nothing: they are sorted unless someone chose otherwise. */
  sorted(many: boolean): boolean {
    return flag('sorted', many)
  },
  sort(value: boolean, many: boolean): void {
    setFlag('sorted', value, many)
  },
  get pinned(): Pin | null {
    const [, of = '1', code] = /^(?:(\d+|sum)\.)?(\d+)$/.exec(router.current.query.code ?? '') ?? []
    return code === undefined ? null : { level: of === 'sum' ? -1 : Number(of) - 1, code: Number(code) }
  },
  /** The pinned code of a level, or for level -1 the pinned sum, if it is one of these. */
  pinnedOf(level: number): number | null {
    const pin = view.pinned
    return pin?.level === level ? pin.code : null
  },
  /** Pins a code; one that is pinned already is let go of, as is any where there is none to pin. */
  pin(level: number, code: number | null): void {
    const gone = code === null || code === this.pinnedOf(level)
    router.set({ code: gone ? null : level < 0 ? `sum.${code}` : level === 0 ? String(code) : `${level + 1}.${code}` })
  },
  unpin(): void {
    router.set({ code: null })
  },
  get hidden(): number[] {
    return (router.current.query.hide ?? '').split(',').filter(Boolean).map(Number).filter(Number.isInteger)
  },
  set hidden(value: number[]) {
    router.set({ hide: value.length ? [...value].sort((a, b) => a - b).join() : null })
  },
}
