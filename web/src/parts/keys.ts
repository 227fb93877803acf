/** A field whose value was refused, or whose value is on its way: what is typed next is meant for it, wherever the focus is. */
const OPEN = '[aria-invalid="true"], [data-editing]'

/** Whether a key belongs to a field that someone types into. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target
  if (document.querySelector(OPEN)) return true
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  return target instanceof HTMLInputElement && !['range', 'checkbox', 'radio', 'button'].includes(target.type)
}

/** A button that was clicked does not keep the keys: the space bar is the page's. */
export function letGo(event: MouseEvent): void {
  const button = event.target instanceof Element && event.target.closest('button')
  if (event.detail > 0 && button && button === document.activeElement && !button.closest('dialog')) button.blur()
}
