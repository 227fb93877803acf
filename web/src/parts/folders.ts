import { count } from '../lib/format'
import type { FolderPlace, FoldersResponse } from '../lib/protocol'

/** The way from a root to a folder, each step a place to go to; the first is the root itself. */
export function crumbs(path: string, roots: readonly FolderPlace[]): FolderPlace[] {
  const inside = roots.filter((root) => path === root.path || path.startsWith(`${root.path.replace(/\/$/, '')}/`))
  const root = inside.sort((a, b) => b.path.length - a.path.length)[0]
  if (!root) return [{ name: path, path }]
  const steps = path.slice(root.path.length).split('/').filter(Boolean)
  const base = root.path.replace(/\/$/, '')
  return [root, ...steps.map((name, i) => ({ name, path: `${base}/${steps.slice(0, i + 1).join('/')}` }))]
}

const many = (number: number, one: string, more: string): string => `${count(number)} ${number === 1 ? one : more}`

/** What lies in a folder itself, in words. */
export function contents(found: FoldersResponse): string {
  const parts = [
    found.images ? many(found.images, 'image', 'images') : '',
    found.moving ? many(found.moving, 'clip or GIF', 'clips and GIFs') : '',
    found.folders.length ? many(found.folders.length, 'folder', 'folders') : '',
    found.others ? many(found.others, 'other file', 'other files') : '',
  ].filter(Boolean)
  if (!parts.length) return 'It is empty'
  return `${found.whole ? '' : 'more than '}${parts.join(', ')}`
}

/** Whether a text that was typed or pasted can be a path here. Paths that a file manager copies may stand in quotes or be addresses. */
export function pasted(text: string): string {
  const plain = text.trim().replace(/^(['"])(.*)\1$/, '$2')
  if (!plain.startsWith('file://')) return plain
  try {
    return decodeURIComponent(plain.replace(/^file:\/\/(localhost)?/, ''))
  } catch {
    return plain
  }
}
