import { at, writtenTwice } from './address'
import { sentences } from './format'
import type { ErrorResponse, KeyResponse, Problem } from './protocol'

/** A request that the server refused, with its reason in words. */
export class Refused extends Error {
  constructor(
    readonly problem: Problem,
    readonly status: number,
  ) {
    super(problem.what)
  }
}

export async function getJson<T>(path: string): Promise<T> {
  return answer<T>(await fetch(at(path), { headers: { Accept: 'application/json' } }))
}

export async function postJson<T>(path: string, body: unknown = {}): Promise<T> {
  return answer<T>(
    await fetch(at(path), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  )
}

export async function postBytes<T>(path: string, body: Blob, type: string): Promise<T> {
  return answer<T>(await fetch(at(path), { method: 'POST', headers: { 'Content-Type': type }, body }))
}

export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await fetch(at(path), { signal })
  if (!response.ok) await answer(response)
  return response.arrayBuffer()
}

async function answer<T>(response: Response): Promise<T> {
  const body = (await response.json().catch(() => null)) as (T & Partial<ErrorResponse>) | null
  if (response.ok && body !== null) return body
  throw new Refused(body?.error ?? { what: `the server answered ${response.status}`, why: '', fix: '' }, response.status)
}

/** The words for whatever went wrong with a request. */
export function words(error: unknown): Problem {
  if (error instanceof Refused) return error.problem
  return { what: 'the studio does not answer', why: error instanceof Error ? error.message : '', fix: '' }
}

export const run = (id: string): string => `/api/runs/${encodeURIComponent(id)}`

/** A studio that was started anew has a new key. */
export const LOCKED = 'The studio was started anew, with a new key: open the address that it printed.'

/**
 * Why the studio does not let this page in; null where it does, or does not answer. It is asked by POST, with which a browser says
 * from what address the page is: that too can be what is wrong.
 */
export async function refusal(): Promise<string | null> {
  try {
    const response = await fetch(at('/api/key'), { method: 'POST' })
    if (response.status !== 401 && response.status !== 403) return null
    const { error } = (await response.json().catch(() => ({}))) as Partial<ErrorResponse>
    if (!error?.kind) return `What stands between this page and the studio refuses it (${response.status}): load the page again.`
    return error.kind === 'key' ? LOCKED : sentences(error.what, error.why, error.fix).join(' ')
  } catch {
    return null
  }
}

/** Some proxies put their path before every redirection, also before the studio's, which has it already: the page stands at either. */
export async function tidyAddress(): Promise<void> {
  const once = writtenTwice(location.pathname)
  if (once === null) return
  const given = await postJson<KeyResponse>('/api/key').catch(() => null)
  if (given?.path === once) history.replaceState(history.state, '', once + location.hash)
}
