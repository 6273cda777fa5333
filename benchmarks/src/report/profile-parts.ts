import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** As V8 writes it: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

/** What warms up is left out: the first part of the time. */
const WARM_UP = 0.5

/** Shares of the time in which a process computed, by whose code it was, largest first. */
export function profileParts(file: string): [part: string, share: number][] {
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(readFileSync(file, 'utf8'))
  const partOf = new Map(nodes.map(({ id, callFrame }) => [id, partOfFrame(callFrame)]))
  const parts = new Map<string, number>()
  for (let at = Math.floor(samples.length * WARM_UP); at < samples.length; at++) {
    const part = partOf.get(samples[at] as number)
    if (part !== undefined) parts.set(part, (parts.get(part) ?? 0) + (timeDeltas[at] ?? 0))
  }
  const all = [...parts.values()].reduce((sum, time) => sum + time, 0)
  return Array.from(parts, ([part, time]): [string, number] => [part, time / all]).sort((a, b) => b[1] - a[1])
}

/** Undefined while nothing was to do. */
function partOfFrame({
  functionName,
  url,
  lineNumber,
}: CpuProfile['nodes'][number]['callFrame']): string | undefined {
  if (functionName === '(idle)') return undefined
  if (functionName === '(garbage collector)') return 'garbage collector'
  if (/^write(?:v|Buffer)$/.test(functionName) && url === '') return 'sending (writev)'
  if (url === '' || url.includes('async_hooks')) return 'promises, AsyncLocalStorage, V8 itself'
  if (url.startsWith('node:')) return 'Node’s HTTP server, sockets and streams'
  const [, name] = /node_modules\/(?!\.pnpm)(@[^/]+\/[^/]+|[^/]+)\//.exec(url) ?? []
  if (name !== undefined) return name
  return /packages\/(?:core|express|fastify)\//.test(regionsOf(url)[lineNumber] ?? '')
    ? 'Sherd'
    : 'application, and what is written by hand'
}

const known = new Map<string, readonly string[]>()

/** For each line of a bundle the source that it comes from. */
function regionsOf(url: string): readonly string[] {
  let regions = known.get(url)
  if (regions === undefined) {
    let region = ''
    regions = readFileSync(fileURLToPath(url), 'utf8')
      .split('\n')
      .map((line) => {
        region = /^\/\/#region (.*)/.exec(line)?.[1] ?? region
        return region
      })
    known.set(url, regions)
  }
  return regions
}
