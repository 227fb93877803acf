const SECONDS = 6

/** What was copied last, shown for a while. Where the browser gives no clipboard, the text is there to be taken by hand. */
class Copying {
  text = $state('')
  done = $state(false)
  note = $state('')
  private later: ReturnType<typeof setTimeout> | undefined

  async copy(text: string, note = ''): Promise<void> {
    clearTimeout(this.later)
    this.note = note
    this.text = text
    this.done =
      (await navigator.clipboard?.writeText(text).then(
        () => true,
        () => false,
      )) ?? false
    if (this.done) this.later = setTimeout(() => this.close(), 1000 * SECONDS)
  }

  close(): void {
    clearTimeout(this.later)
    this.text = ''
  }
}

export const copying = new Copying()
