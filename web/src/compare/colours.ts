import { classColours, contrast } from '../scene/palette'

/** A colour for each model: they stay apart as lines on both grounds. */
export const modelColours: readonly string[] = classColours(10).filter((_, i) => i !== 3 && i !== 8)

/** Letters that can be read on a colour. */
export const inkOn = (colour: string): string =>
  contrast(colour, '#10151b') >= contrast(colour, '#ffffff') ? '#10151b' : '#ffffff'
