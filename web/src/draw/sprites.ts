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

  /** A number in a bold small type, drawn once: setting 128 numbers as text on every frame takes longer than all else. */
  label(text: string, size: number, colour: string, ratio: number): HTMLCanvasElement {
    const name = `${text}|${size}|${colour}|${ratio}`
    let sprite = this.made.get(name)
    if (!sprite) {
      sprite = document.createElement('canvas')
      sprite.width = Math.ceil((text.length * 0.7 * size + 4) * ratio)
      sprite.height = Math.ceil(1.5 * size * ratio)
      const g = sprite.getContext('2d')!
      g.scale(ratio, ratio)
      g.fillStyle = colour
      g.font = `600 ${size}px system-ui, sans-serif`
      g.textAlign = 'center'
      g.textBaseline = 'middle'
      g.fillText(text, sprite.width / ratio / 2, sprite.height / ratio / 2 + 0.5)
      this.made.set(name, sprite)
    }
    return sprite
  }
}
