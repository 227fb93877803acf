/**
 * Addresses of the server's routes. They begin where the document is, which behind a proxy is under a path that only the browser knows;
 * what follows # is the view and plays no part.
 */
export function at(route: string, base = document.baseURI): string {
  return new URL(`.${route}`, base).href
}

export function socketAt(route: string, base = document.baseURI): string {
  return at(route, base).replace(/^http/, 'ws')
}

/** The path that would be left of one that is written twice, `/lab/x/lab/x/`; null of any other. */
export function writtenTwice(path: string): string | null {
  const found = /^(\/.+)\1\/$/.exec(path)
  return found && `${found[1]}/`
}
