/** The numbers of the codes, each drawn once: setting 128 numbers as text on every frame takes longer than all else. */
export class Labels {
  private made = new Map<string, HTMLCanvasElement>()

  /** A number in a bold small type. */
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
