import { expect, test } from 'vitest'
import type { FoldersResponse } from '../lib/protocol'
import { contents, crumbs, pasted } from './folders'

const roots = [
  { name: 'ada', path: '/home/ada' },
  { name: 'photos', path: '/home/ada/photos' },
  { name: 'mnt', path: '/mnt' },
]

test('the way to a folder begins at its nearest root', () => {
  expect(crumbs('/home/ada/films/old', roots).map((one) => one.path)).toEqual([
    '/home/ada',
    '/home/ada/films',
    '/home/ada/films/old',
  ])
  expect(crumbs('/home/ada/photos/cats', roots).map((one) => one.name)).toEqual(['photos', 'cats'])
  expect(crumbs('/mnt', roots)).toEqual([{ name: 'mnt', path: '/mnt' }])
  expect(crumbs('/home/adam', roots)).toEqual([{ name: '/home/adam', path: '/home/adam' }])
})

test('what is in a folder is counted in words', () => {
  const found: FoldersResponse = { path: '/mnt', parent: null, roots, folders: [], images: 1, moving: 0, others: 2, whole: true }
  expect(contents(found)).toBe('1 image, 2 other files')
  expect(contents({ ...found, images: 1200, whole: false })).toBe('more than 1,200 images, 2 other files')
  expect(contents({ ...found, images: 0, others: 0 })).toBe('It is empty')
})

test('a path is taken as file managers copy it', () => {
  expect(pasted(' "/home/ada/my photos" ')).toBe('/home/ada/my photos')
  expect(pasted("'/home/ada/a'")).toBe('/home/ada/a')
  expect(pasted('file:///home/ada/my%20photos')).toBe('/home/ada/my photos')
  expect(pasted('file://localhost/home/a')).toBe('/home/a')
  expect(pasted('file:///home/100%')).toBe('file:///home/100%')
})
