import { getJson } from '../lib/api'
import type { ModelResponse } from '../lib/frame'
import type { AboutFacts, ModelsResponse, SavedModel } from '../lib/protocol'
import { OpenModel } from '../explore/model.svelte'
import { choiceText, type Choice } from './models'

/** One of the checkpoints that are compared, and what is known of it. */
export class Entry {
  about = $state.raw<AboutFacts | null>(null)
  statistics = $state.raw<ModelResponse<'statistics'> | null>(null)
  saved = $state.raw<SavedModel[]>([])
  opened = $state(0) // so many times: what is shown of it is asked again
  model = $state.raw<OpenModel>()! as OpenModel
  readonly names = new Map<string, string>() // what images of the first model are called here
  readonly text: string

  constructor(
    readonly choice: Choice,
    private readonly device: string,
  ) {
    this.text = choiceText(choice)
    this.model = new OpenModel(choice.id, choice.which, device)
    this.begin()
  }

  /** Open it anew: its process has ended, or there is a newer checkpoint. */
  again(): void {
    if (this.model.newer) {
      this.model.end()
      this.model = new OpenModel(this.choice.id, this.choice.which, this.device)
      this.about = this.statistics = null
    }
    this.names.clear()
    this.begin()
  }

  end(): void {
    this.model.end()
  }

  private begin(): void {
    const { model } = this
    model.problem = null
    void model.show('about', 'about', {}, ({ facts }) => {
      this.about = facts
      this.opened += 1
      if (facts.sides.validation && !this.statistics)
        void model.show('statistics', 'statistics', {}, (found) => (this.statistics = found))
    })
    getJson<ModelsResponse>(`/api/models/${encodeURIComponent(this.choice.id)}`).then(
      ({ checkpoints }) => (this.saved = [...checkpoints]),
      () => undefined,
    )
  }
}

/** All of them, opened and ended as the address says. */
export class Lineup {
  entries = $state.raw<Entry[]>([])

  take(choices: readonly Choice[], device: string): void {
    const before = new Map(this.entries.map((one) => [one.text, one]))
    const next = choices.map((choice) => before.get(choiceText(choice)) ?? new Entry(choice, device))
    for (const one of this.entries) if (!next.includes(one)) one.end()
    this.entries = next
  }

  end(): void {
    for (const one of this.entries) one.end()
    this.entries = []
  }
}
