import type { Problem } from './types'

/** A request that the server refused, with its reason in words. */
export class Refused extends Error {
  constructor(readonly problem: Problem, readonly status: number) {
    super(problem.what)
  }
}

export async function getJson<T>(path: string): Promise<T> {
  return answer<T>(await fetch(path, { headers: { Accept: 'application/json' } }))
}

export async function postJson<T>(path: string, body: unknown = {}): Promise<T> {
  return answer<T>(
    await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  )
}

export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(path, { signal })
  if (!response.ok) await answer(response)
  return response.arrayBuffer()
}

async function answer<T>(response: Response): Promise<T> {
  const body = (await response.json().catch(() => null)) as (T & { error?: Problem }) | null
  if (response.ok && body !== null) return body
  throw new Refused(body?.error ?? { what: `the server answered ${response.status}` }, response.status)
}

/** The words for whatever went wrong with a request. */
export function words(error: unknown): Problem {
  if (error instanceof Refused) return error.problem
  return { what: 'the studio does not answer', why: error instanceof Error ? error.message : undefined }
}

export const run = (id: string): string => `/api/runs/${encodeURIComponent(id)}`

/** A studio that was started anew has a new key. */
export const LOCKED = 'The studio was started anew, with a new key: open the address that it printed.'

/** Whether the studio answers, and not to this page. */
export async function lockedOut(): Promise<boolean> {
  try {
    const { status } = await fetch('/api/runs')
    return status === 401 || status === 403
  } catch {
    return false
  }
}
