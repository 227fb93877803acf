import type { SpecBody } from './protocol'

/** What a spec is made from, as an address names it: a recipe, a run, or a proposal; null where it names none. */
export function sourceOf({ recipe, from, suggested }: Record<string, string | undefined>): SpecBody | null {
  return recipe ? { recipe } : from ? { from } : suggested ? { suggested } : null
}
