import { escapeControls } from '../util/quote.ts'

/** Where something stands in a tree of configuration: keys, and positions in lists. */
export type Path = readonly (string | number)[]

const PLAIN_KEY = /^[\w$-]+(\.[\w$-]*)?$/

/** `pool.max`, `replicas[0].connection`, `session["odd key"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else if (isPlainKey(segment)) text += text === '' ? segment : `.${segment}`
    else text += `[${escapeControls(JSON.stringify(cut(segment)))}]`
  }
  return text
}

/** Only the key of a block (`$env.staging`) may have a dot and stay unquoted. */
function isPlainKey(key: string): boolean {
  return key.length <= 64 && PLAIN_KEY.test(key) && (key.startsWith('$') || !key.includes('.'))
}

function cut(key: string): string {
  return key.length > 64 ? `${key.slice(0, 64)}…` : key
}
