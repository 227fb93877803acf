const MOST_IN_ADDRESS = 1200 // characters

/** Edits that are too long for an address are kept in this tab, and the address names them. */
export const KEPT = 'kept'

export function toAddress(id: string, origin: string, text: string): string | null {
  if (text.length <= MOST_IN_ADDRESS) {
    return text || null
  }
  try {
    sessionStorage.setItem(name(id, origin), text)
  } catch {
    return text // a window that stores nothing has a long address
  }
  return KEPT
}

/** The edits that an address means; null where this tab does not have them. */
export function fromAddress(id: string, origin: string, text: string): string | null {
  if (text !== KEPT) return text
  try {
    return sessionStorage.getItem(name(id, origin))
  } catch {
    return null
  }
}

const name = (id: string, origin: string): string => `tilework.tokens.${id}.${origin}`
