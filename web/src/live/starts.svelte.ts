import { getJson } from '../lib/api'
import type { StartsResponse, StartStage } from '../lib/protocol'
import { stageText } from './starts'

const LOOK_MS = 700

/** Where a start is that this page waits for, in words. */
export class Start {
  text = $state('')
  stage = $state('')
  private timer: ReturnType<typeof setInterval> | undefined

  follow(): void {
    this.end()
    this.take(undefined)
    this.timer = setInterval(() => {
      getJson<StartsResponse>('/api/starts').then(
        ({ starts }) => this.timer !== undefined && this.take(starts.at(-1)),
        () => undefined,
      )
    }, LOOK_MS)
  }

  end(): void {
    clearInterval(this.timer)
    this.timer = undefined
    this.text = this.stage = ''
  }

  private take(start: StartStage | undefined): void {
    this.stage = start?.stage ?? ''
    this.text = stageText(this.stage, start?.done ?? 0, start?.total)
  }
}
