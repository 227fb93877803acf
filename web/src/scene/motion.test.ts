import { describe, expect, it } from 'vitest'
import { gathered } from './marks'
import { boxOf, fit, readCamera, suits, toScreenX, toScreenY, writeCamera, zoomAt } from './camera'
import { evenly, nearest, Trails } from './trails'
import { Tween } from './tween'
import { shiftBetween } from './window'

describe('some of many', () => {
  it('are spread evenly, with both ends', () => expect(evenly([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8]))
  it('are all of them where they are few', () => expect(evenly([5, 7], 3)).toEqual([5, 7]))
})

describe('a tween', () => {
  it('goes in a straight line and arrives', () => {
    const tween = new Tween()
    tween.aim(Float32Array.of(0, 0), 0, 100, null)
    tween.aim(Float32Array.of(10, 20), 0, 100, (row) => row)
    expect([...tween.at(50)]).toEqual([5, 10])
    expect(tween.moving(50)).toBe(true)
    expect([...tween.at(200)]).toEqual([10, 20])
    expect(tween.moving(200)).toBe(false)
  })
  it('follows rows that moved down, and lets new ones stand', () => {
    const tween = new Tween()
    tween.aim(Float32Array.of(0, 0, 4, 4), 0, 100, null)
    tween.aim(Float32Array.of(9, 9, 2, 2), 0, 100, (row) => row - 1)
    expect([...tween.at(50)]).toEqual([9, 9, 1, 1])
  })
})

describe('a window', () => {
  const rows = (n: number, from = 0) => ({
    points: Float32Array.from({ length: 2 * n }, (_, i) => Math.sin(i + 2 * from)),
    labels: Int16Array.from({ length: n }, (_, i) => (i + from) % 7),
  })
  it('tells by how many rows it moved', () => {
    expect(shiftBetween(rows(100), rows(100, -8), 1e-6)).toBe(8)
    expect(shiftBetween(rows(100), rows(100), 1e-6)).toBe(0)
  })
  it('or that it has nothing in common with the last', () => {
    expect(shiftBetween(rows(100), rows(100, 1000), 1e-6)).toBeNull()
  })
})

describe('a camera', () => {
  it('shows the whole box, and keeps the point under the pointer when it zooms', () => {
    const box = boxOf(Float32Array.of(-1, -2, 3, 2), new Float32Array(0), new Uint8Array(0))!
    const camera = fit(box, 800, 400)
    expect(suits(camera, box, 800, 400)).toBe(true)
    expect(toScreenX(camera, 800, 1)).toBeCloseTo(400)
    const x = (120 - 400) / camera.scale + camera.x
    expect(toScreenX(zoomAt(camera, 800, 400, 120, 30, 2), 800, x)).toBeCloseTo(120)
    expect(toScreenY(camera, 400, 2)).toBeLessThan(200)
  })
  it('is written and read', () => {
    expect(readCamera(writeCamera({ x: 1.5, y: -2, scale: 300 }))).toEqual({ x: 1.5, y: -2, scale: 300 })
    expect(readCamera('1,2,-3')).toBeNull()
    expect(readCamera(undefined)).toBeNull()
  })
})

describe('trails', () => {
  it('stay in order of steps, whatever order they come in, and stay short', () => {
    const trails = new Trails(16)
    for (const step of [50, 10, 30, 30, ...Array.from({ length: 60 }, (_, i) => 100 + i)])
      trails.add(step, Float32Array.of(step, 0), null)
    const all = trails.until(1000)
    expect(all.steps.length).toBeLessThanOrEqual(16)
    expect(all.steps).toEqual([...all.steps].sort((a, b) => a - b))
    expect(all.steps[0]).toBe(10)
    expect(trails.until(40).steps.every((step) => step <= 40)).toBe(true)
  })
  it('the nearest stored step', () => {
    expect([nearest([0, 10, 100], 60), nearest([0, 10, 100], 3), nearest([], 3), nearest([5], 99)]).toEqual([100, 0, null, 5])
  })
})

describe('marks', () => {
  const set = (id: number, time: number, name: string, before: number, value: number) => ({
    id,
    step: id,
    time,
    kind: 'set',
    text: `${name}: ${before} -> ${value}`,
    change: { name, before, value },
  })
  it('of one drag become one', () => {
    const got = gathered([set(1, 0, 'a.b', 0, 1), set(2, 1, 'a.b', 1, 2), set(3, 1.5, 'c', 0, 1), set(4, 30, 'c', 1, 5)])
    expect(got.map((mark) => mark.text)).toEqual(['a.b: 0 -> 2', 'c: 0 -> 1', 'c: 1 -> 5'])
  })
})
