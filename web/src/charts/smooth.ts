/** An exponential moving average that starts unbiased and steps over gaps. `weight` 0 = as it is, towards 1 = smoother. */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return values
  let sum = 0
  let share = 0
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null
    sum = sum * weight + value * (1 - weight)
    share = share * weight + (1 - weight)
    return sum / share
  })
}

/** The smoothing that an address asks for. */
export const smoothingOf = (text: string | undefined): number => Math.min(0.99, Math.max(0, Number(text ?? 0.6) || 0))

/** Several columns with steps of their own as columns over one rising list of steps; null where one has no value. */
export function onOneAxis(parts: { step: number[]; values: (number | null)[] }[]): [number[], ...(number | null)[][]] {
  const first = parts[0]?.step
  if (parts.every((part) => part.step === first)) return [first ?? [], ...parts.map((part) => part.values)]
  const steps = [...new Set(parts.flatMap((part) => part.step))].sort((a, b) => a - b)
  const place = new Map(steps.map((step, i) => [step, i]))
  const columns = parts.map((part) => {
    const column: (number | null)[] = new Array<number | null>(steps.length).fill(null)
    part.step.forEach((step, i) => (column[place.get(step)!] = part.values[i]))
    return column
  })
  return [steps, ...columns]
}
