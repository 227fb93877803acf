import { classColours } from '../scene/palette'

/** A colour for each model: they stay apart as lines on both grounds. */
export const modelColours: readonly string[] = classColours(10).filter((_, i) => i !== 3 && i !== 8)
