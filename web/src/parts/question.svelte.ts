const SECONDS = 6

/** What is asked before it is done: a second click on the same says yes, a while without one says no. */
export class Question<What extends string> {
  asked = $state<What | null>(null)
  private later: ReturnType<typeof setTimeout> | undefined

  /** Whether this click is the second one; the first asks. */
  answered(what: What): boolean {
    const yes = this.asked === what
    this.forget()
    if (yes) return true
    this.asked = what
    this.later = setTimeout(() => this.forget(), 1000 * SECONDS)
    return false
  }

  forget(): void {
    clearTimeout(this.later)
    this.asked = null
  }
}
