/** The path of a request's URL, as it was sent: nothing decoded, no query, no origin. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : endOfOrigin(url)
  const end = url.slice(start).search(/[?#]/)
  return end === -1 ? url.slice(start) : url.slice(start, start + end)
}

/** Host and port of an absolute URL; undefined where the URL has none. */
export function authorityOf(url: string): string | undefined {
  const start = startOfAuthority(url)
  return start === undefined ? undefined : url.slice(start, endOfOrigin(url))
}

function endOfOrigin(url: string): number {
  const start = startOfAuthority(url)
  const length = start === undefined ? -1 : url.slice(start).search(/[/?#]/)
  return start === undefined || length === -1 ? url.length : start + length
}

function startOfAuthority(url: string): number | undefined {
  const scheme = url.startsWith('/') ? -1 : url.indexOf('://')
  return scheme === -1 ? undefined : scheme + 3
}
