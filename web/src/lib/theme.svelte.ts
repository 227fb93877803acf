/** Dark or light: what the system prefers, until someone chooses here. Canvases read the colours from `colours`. */
type Choice = 'dark' | 'light' | 'system'

const names = ['bg', 'panel', 'raise', 'line', 'text', 'mute', 'accent', 'ok', 'warn', 'bad', 'grid', 'canvas'] as const
export type Colours = Record<(typeof names)[number], string> & { dark: boolean }

class Theme {
  choice = $state<Choice>('system')
  colours = $state.raw<Colours>({} as Colours)
  still = $state(false)

  start(): void {
    const stored = read()
    if (stored) this.choice = stored
    this.apply()
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.apply())
    const motion = window.matchMedia('(prefers-reduced-motion: reduce)')
    this.still = motion.matches
    motion.addEventListener('change', () => (this.still = motion.matches))
  }

  toggle(): void {
    this.choice = this.colours.dark ? 'light' : 'dark'
    try {
      localStorage.setItem('tilework.theme', this.choice)
    } catch {
      // private windows may refuse to store; the choice then lasts until the page is closed
    }
    this.apply()
  }

  private apply(): void {
    const root = document.documentElement
    const dark = this.choice === 'system' ? window.matchMedia('(prefers-color-scheme: dark)').matches : this.choice === 'dark'
    root.dataset.theme = dark ? 'dark' : 'light'
    const style = getComputedStyle(root)
    const colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]))
    this.colours = { ...colours, dark } as Colours
  }
}

function read(): Choice | null {
  try {
    const stored = localStorage.getItem('tilework.theme')
    return stored === 'dark' || stored === 'light' ? stored : null
  } catch {
    return null
  }
}

export const theme = new Theme()
