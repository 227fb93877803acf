import { router } from '../lib/route.svelte'

export type Past = { through?: 'decoder' }

/** What every ask that decodes says beside its point: of a model with codes, whether it goes past the quantiser. In the address. */
export const past = (): Past => (router.current.query.through === 'decoder' ? { through: 'decoder' } : {})
