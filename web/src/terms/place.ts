interface Box {
  left: number
  top: number
  bottom: number
}

interface Size {
  width: number
  height: number
}

const GAP = 6 // px between label and card
const EDGE = 12 // px that stay free at the edges of the page

/** Where a card stands: below its label, above it where there is no room below, and never beyond the page. */
export function place(label: Box, card: Size, page: Size): { left: number; top: number } {
  const below = label.bottom + GAP
  const above = label.top - GAP - card.height
  const top = below + card.height <= page.height - EDGE || above < EDGE ? below : above
  return { left: within(label.left, card.width, page.width), top: within(top, card.height, page.height) }
}

const within = (from: number, length: number, of: number): number => Math.max(EDGE, Math.min(from, of - EDGE - length))
