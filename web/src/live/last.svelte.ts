/** The run that was looked at last, so that "Live" leads back to it. */
class LastRun {
  id = $state<string | null>(null)
}

export const lastRun = new LastRun()
