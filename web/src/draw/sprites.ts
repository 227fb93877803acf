import { contrast } from '../scene/palette'

/** One small picture per colour: copying a sprite is many times cheaper than filling an arc, and the edge is as smooth. */
export class Sprites {
  private made = new Map<string, HTMLCanvasElement>()
  private key = ''

  /** The dot of a colour; outlined in the text colour where it would hardly stand out from the ground. */
  dot(colour: string, radius: number, ratio: number, ground: string, text: string): HTMLCanvasElement {
    const key = `${ground}|${ratio}`
    if (key !== this.key) {
      this.made.clear()
      this.key = key
    }
    const name = `${colour}|${radius}`
    let sprite = this.made.get(name)
    if (!sprite) {
      sprite = document.createElement('canvas')
      const side = Math.ceil((2 * radius + 3) * ratio)
      sprite.width = sprite.height = side
      const g = sprite.getContext('2d')!
      g.scale(ratio, ratio)
      const middle = side / ratio / 2
      g.beginPath()
      g.arc(middle, middle, radius, 0, 2 * Math.PI)
      g.fillStyle = colour
      g.fill()
      if (contrast(colour, ground) < 3) {
        g.strokeStyle = text
        g.globalAlpha = 0.75
        g.lineWidth = 0.8
        g.stroke()
      }
      this.made.set(name, sprite)
    }
    return sprite
  }
}
