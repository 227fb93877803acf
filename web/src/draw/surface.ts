import { begin, draw, undraw, type Painter } from './loop'

/** A canvas that is as large as its place on the page, in device pixels, and reports when that changes. */
export interface Surface {
  canvas: HTMLCanvasElement
  g: CanvasRenderingContext2D
  width: number // CSS pixels
  height: number
  ratio: number
}

export function surface(
  canvas: HTMLCanvasElement,
  resized: (surface: Surface) => void,
  opaque = false,
): Surface & { end(): void } {
  const g = canvas.getContext('2d', { alpha: !opaque })!
  const self = { canvas, g, width: 0, height: 0, ratio: 1, end: () => observer.disconnect() }
  const measure = (): void => {
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    const { clientWidth, clientHeight } = canvas
    if (!clientWidth || !clientHeight) return
    const wide = Math.round(clientWidth * ratio)
    const high = Math.round(clientHeight * ratio)
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide
      canvas.height = high
    }
    Object.assign(self, { width: clientWidth, height: clientHeight, ratio })
    g.setTransform(ratio, 0, 0, ratio, 0, 0)
    resized(self)
  }
  const observer = new ResizeObserver(measure)
  observer.observe(canvas)
  measure()
  return self
}

/** A surface that is painted in the one draw loop whenever its size changes, and not any more after its end. */
export function painted(
  canvas: HTMLCanvasElement,
  painter: Painter,
  resized: (surface: Surface) => void = () => undefined,
): Surface & { end(): void } {
  begin(painter)
  const self = surface(canvas, (now) => {
    resized(now)
    draw(painter)
  })
  const { end } = self
  return Object.assign(self, {
    end: () => {
      end()
      undraw(painter)
    },
  })
}
