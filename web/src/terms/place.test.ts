import { expect, it } from 'vitest'
import { place } from './place'

const page = { width: 1280, height: 720 }
const card = { width: 360, height: 200 }

it('stands below its label, at its left edge', () => {
  expect(place({ left: 100, top: 80, bottom: 100 }, card, page)).toEqual({ left: 100, top: 106 })
})
it('stands above where there is no room below', () => {
  expect(place({ left: 100, top: 600, bottom: 620 }, card, page)).toEqual({ left: 100, top: 394 })
})
it('stays within the page', () => {
  expect(place({ left: 1200, top: 80, bottom: 100 }, card, page).left).toBe(908)
  expect(place({ left: 0, top: 300, bottom: 320 }, { width: 360, height: 680 }, page)).toEqual({ left: 12, top: 28 })
})
