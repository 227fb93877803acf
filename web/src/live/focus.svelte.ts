/** The mark that is looked at: hovering it in one panel shows it in all. A row of the scene that is drawn. */
class Focus {
  row = $state<number | null>(null)
}

export const focus = new Focus()
