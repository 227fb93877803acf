import type { Metrics } from '../charts/metrics'
import { count, percent } from '../lib/format'
import type { Header } from '../lib/protocol'
import { sumName } from '../scene/kin'
import { perplexity, type Scene } from '../scene/scene'

/** The latent canvas in words, for whoever cannot see it. */
export function summary(scene: Scene, head: Header, metrics: Metrics): string {
  const parts = [`Step ${count(head.step)}. ${count(scene.points.length / 2)} points`]
  if (scene.ids.length) {
    let dead = 0
    for (const one of scene.dead) dead += one
    const what = scene.level >= 0 ? `codes of level ${scene.level + 1}` : 'sums of codes'
    parts.push(`${count(scene.ids.length)} ${what}, ${count(dead)} of them unused`)
    if (scene.usage) {
      let most = 0
      for (let i = 1; i < scene.usage.length; i++) if (scene.usage[i] > scene.usage[most]) most = i
      parts.push(
        (scene.level >= 0 ? metrics.label('perplexity', 'train') : 'perplexity of the points shown') +
          ` ${perplexity(scene.usage).toFixed(1)}`,
      )
      parts.push(`the most used is ${name(scene, most)} with ${percent(scene.usage[most])} of the tokens`)
    }
  }
  if (head.view.kind === 'pca' && head.view.variance) {
    parts.push(`principal components that hold ${head.view.variance.map((v) => percent(v, 0)).join(' and ')} of the variance`)
  }
  return `${parts.join('; ')}.`
}

/** What a mark is called: code 7, or for a sum of codes 7 + 12. */
export function name(scene: Scene, row: number): string {
  const id = scene.ids[row]
  return scene.level >= 0 ? `code ${id}` : sumName(id, scene.perLevel)
}
