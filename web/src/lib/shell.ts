/** An argument as a POSIX shell takes it: as Python's shlex quotes it. */
export const quoted = (text: string): string =>
  /^[A-Za-z0-9_.,:/@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
