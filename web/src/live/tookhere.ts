import type { Recipe, RunCard } from '../lib/protocol'

const ENOUGH_STEPS = 20 // of the fewer the first, which are slower, would be too large a part

/** Seconds that a recipe takes on this machine, by the pace of its newest run here; null where there is none. */
export function secondsHere(runs: readonly RunCard[], recipe: Pick<Recipe, 'name' | 'epochs' | 'steps'>): number | null {
  const trained = runs.filter(
    (card) => card.name === recipe.name && card.step >= ENOUGH_STEPS && card.epoch > 0 && card.seconds > 0,
  )
  if (!trained.length) return null
  const newest = trained.reduce((a, b) => (b.updated > a.updated ? b : a))
  if (recipe.steps !== null) return (newest.seconds / newest.step) * recipe.steps
  return recipe.epochs === null ? null : (newest.seconds / newest.epoch) * recipe.epochs
}
