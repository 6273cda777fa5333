import type { FanOutMetadata } from '../errors.ts'

/** An answer that takes headers: of Node.js, Express, Fastify, or `Headers`. */
export type HeaderTarget =
  | { setHeader(name: string, value: string): unknown }
  | { header(name: string, value: string): unknown }
  | { set(name: string, value: string): unknown }

const PREFIX = 'x-shards-'

/**
 * Tells a client how many shards an answer is from: adds the headers `X-Shards-Total`, `-Successful`, `-Failed` and
 * `-Completeness` (per cent), and, where a shard is missing, `Cache-Control: no-store`, so that nobody keeps half an
 * answer. Call it after whatever else sets `Cache-Control`. Returns the metadata, to be put into the body, too.
 *
 * @throws TypeError when `response` takes no headers
 */
export function addFanOutMetadata(
  response: HeaderTarget,
  { metadata }: { readonly metadata: FanOutMetadata },
): FanOutMetadata {
  const set = setterOf(response)
  set(`${PREFIX}total`, String(metadata.totalShards))
  set(`${PREFIX}successful`, String(metadata.successfulShards))
  set(`${PREFIX}failed`, String(metadata.failedShards))
  set(`${PREFIX}completeness`, String(metadata.completeness))
  if (metadata.failedShards > 0) set('cache-control', 'no-store')
  return metadata
}

function setterOf(response: HeaderTarget): (name: string, value: string) => unknown {
  // Fastify's `header` before anything else: what is set on its raw answer does not pass its hooks.
  if ('header' in response && typeof response.header === 'function') return response.header.bind(response)
  if ('setHeader' in response && typeof response.setHeader === 'function')
    return response.setHeader.bind(response)
  if ('set' in response && typeof response.set === 'function') return response.set.bind(response)
  throw new TypeError(
    'addFanOutMetadata() takes an answer that has headers: of Node.js, Express, Fastify, or Headers.',
  )
}
