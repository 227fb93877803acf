import type { ViewHeader } from '../lib/protocol'
import type { Shown } from './scene'

/** More marks than these get no cells, no numbers, no trails or no images: nothing could be distinguished any more. */
export const MOST_CELLS = 2048
export const MOST_NUMBERS = 128
export const MOST_TRAILS = 2048 // of all levels together: their places are kept for the whole history
export const MOST_WAYS = 600 // of one level
export const WAYS_AT_ONCE = 128 // of more codes only the one that is looked at shows its way: all of them are a tangle
export const MOST_DECODED = 512 // of all levels together; the trainer decodes no more

export type Layer = 'cells' | 'trails' | 'labels' | 'images' | 'probe' | 'byCode'

export interface Looked {
  view: ViewHeader
  arrays: ReadonlySet<string> // of the frame that is shown
  shown: Shown
  map: boolean // the map of codes is shown, not the latent space
  past: boolean // a step of the history
  decoded: boolean // which images are here
  probe: boolean
}

/** For each layer why it would show nothing now, or null where it does something. */
export function idleLayers(at: Looked): Record<Layer, string | null> {
  const { levels, codes } = at.view
  const sums = at.shown === 'sum' || at.shown === 'all'
  const many = `${codes.toLocaleString('en')} codes are too many`
  const common = at.map
    ? 'only in the latent view: the map shows codes alone'
    : levels > 0 && !at.arrays.has('codes')
      ? 'the codes have no place in this plane'
      : null
  return {
    cells: common ?? (!sums && codes > MOST_CELLS ? many : null),
    trails:
      common ??
      (sums
        ? 'sums of codes leave no trail'
        : at.view.fixed
          ? 'codes of this bottleneck stay where they are'
          : levels * codes > MOST_TRAILS || codes > MOST_WAYS
            ? many
            : null),
    labels: common ?? (sums ? 'sums of codes have no number' : codes > MOST_NUMBERS ? many : null),
    images:
      common ??
      (sums
        ? 'sums of codes are not decoded'
        : codes > MOST_NUMBERS || levels * codes > MOST_DECODED
          ? many
          : at.decoded
            ? null
            : 'no decoded codes are known of this run'),
    probe: at.map
      ? common
      : at.view.grid[0] * at.view.grid[1] > 1
        ? 'an image of many tokens has no one place'
        : at.shown === 'residual'
          ? 'the images have no place among residuals'
          : at.probe
            ? null
            : at.past
              ? 'steps of the history are stored without it'
              : 'comes with the images of a run in training',
    byCode: common ?? (at.view.classes.length ? null : 'without classes every point has the colour of its code anyway'),
  }
}
