import { getBytes, run as runPath } from '../lib/api'
import { decodeFrame, type Frame } from '../lib/frame'
import { MOST_TRAILS } from '../scene/layers'
import { Trails } from '../scene/trails'

const KEPT = 240

/** The frames of a run's history that were fetched, and the trails that codes have drawn through all frames seen so far. */
export class StoredFrames {
  readonly trails = new Trails()
  private readonly kept = new Map<number, Frame>()

  constructor(private readonly id: string) {}

  /** The frame of a step, where it is here. */
  get(step: number): Frame | undefined {
    return this.kept.get(step)
  }

  async fetch(step: number, signal?: AbortSignal): Promise<Frame> {
    const kept = this.kept.get(step)
    if (kept) return kept
    const frame = decodeFrame(await getBytes(`${runPath(this.id)}/frames/${step}`, signal))
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value!)
    this.kept.set(step, frame)
    this.follow(frame)
    return frame
  }

  /** Trails go on to where this frame has its codes. */
  follow(frame: Frame): void {
    const codes = frame.f4('codes')
    if (codes && codes.length <= MOST_TRAILS * 2) this.trails.add(frame.header.step, codes, frame.i4('revived'))
  }

  /**
   * The frame with decoded codes, or samples, that lies nearest to a step, of `best` and those that are here: few stored
   * ones have them.
   */
  near(part: 'decoded' | 'samples', step: number, best: Frame | undefined): Frame | undefined {
    for (const frame of this.kept.values()) {
      if (!frame.shapes.has(part)) continue
      if (!best || Math.abs(frame.header.step - step) < Math.abs(best.header.step - step)) best = frame
    }
    return best
  }

  /** The history begins anew. */
  clear(): void {
    this.kept.clear()
    this.trails.clear()
  }
}
