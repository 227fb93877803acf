import { router } from '../lib/route.svelte'
import { typing } from '../parts/keys'
import type { Editor } from './editor.svelte'
import type { Reach } from './reach.svelte'
import type { TokenSession } from './session.svelte'
import { OVERLAYS, type Overlay } from './tokendraw'

interface Actions {
  editor: Editor
  session: TokenSession
  reach: Reach
  palette: { focusNumber(begin?: string): void; focusTiles(): void } | null
  focusGrid(): void
  step(by: number): void
  overlay: Overlay
  hold(on: boolean): void
}

const inField = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'range'

/** A key on the page of tokens; whether it was one of its own. What has the focus comes first where the key is of use there. */
export function editorKey(event: KeyboardEvent, actions: Actions): boolean {
  if (event.defaultPrevented || document.querySelector('dialog[open]')) return false
  const { editor, session, reach } = actions
  const { selection } = editor
  const letter = event.key.toLowerCase()
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !inField(event.target)) {
    if (letter === 'z' && event.shiftKey) session.redo()
    else if (letter === 'z') session.undo()
    else if (letter === 'y') session.redo()
    else if (letter === 'a') selection.all()
    else if (letter === 'c' && !getSelection()?.toString()) editor.copy()
    else if (letter === 'v' && editor.piece) {
      editor.pasting = true
      selection.hovered = null
      actions.focusGrid()
    } else return false
    return true
  }
  if (typing(event)) return false
  const target = event.target instanceof HTMLElement ? event.target : null
  const held = target?.matches('button, a, select, [role="button"], input, label') && target.matches(':focus-visible')
  if (event.key === 'Enter' || event.key === ' ') {
    if (held) return false
    if (editor.pasting) editor.paste(selection.cursor)
    else if (event.key === ' ') editor.assign(editor.code)
    else actions.palette?.focusTiles()
    return true
  }
  if (!(held && target?.matches('input[type="range"]')) && selection.move(event.key, event.shiftKey && !editor.pasting)) {
    if (!target || target === document.body) actions.focusGrid()
    return true
  }
  if (event.key === '/') document.querySelector<HTMLInputElement>('.left input[type=search]')?.focus()
  else if (/^\d$/.test(event.key)) actions.palette?.focusNumber(event.key)
  else if (event.key === 'Delete' || event.key === 'Backspace') editor.revert()
  else if (event.key === 'Escape') {
    if (editor.pasting) editor.pasting = false
    else if (reach.kind) reach.kind = null
    else {
      editor.brush = false
      selection.begin(selection.cursor)
    }
  } else if (event.key === '[') editor.level = Math.max(0, editor.level - 1)
  else if (event.key === ']') editor.level = Math.min(session.grid.levels - 1, editor.level + 1)
  else if (event.key === '-') session.reveal(session.upto - 1)
  else if (event.key === '+' || event.key === '=') session.reveal(session.upto + 1)
  else if (event.key === '.') actions.step(1)
  else if (event.key === ',') actions.step(-1)
  else if (letter === 's') editor.same()
  else if (letter === 'b') editor.brush = !editor.brush
  else if (letter === 'i') reach.toggle('changes')
  else if (letter === 'e') reach.toggle('sees')
  else if (letter === 'o') actions.hold(true)
  else if (letter === 't') {
    const next = OVERLAYS[(OVERLAYS.indexOf(actions.overlay) + 1) % OVERLAYS.length]
    router.set({ over: next === 'numbers' ? null : next })
  } else return false
  return true
}
