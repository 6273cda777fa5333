/** The path of a request's URL, as it was sent: nothing decoded, no query, no origin. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : afterOrigin(url)
  const query = url.indexOf('?', start)
  return query === -1 ? url.slice(start) : url.slice(start, query)
}

function afterOrigin(url: string): number {
  const scheme = url.indexOf('://')
  const slash = scheme === -1 ? -1 : url.indexOf('/', scheme + 3)
  return slash === -1 ? url.length : slash
}
