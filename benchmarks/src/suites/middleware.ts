import { downloadNode } from '../../../scripts/lib/download-node.mjs'
import type { OpenHost } from '../http/host-calls.ts'
import { type Host, loadOnHost, warmUp } from '../http/load-on-host.ts'
import type { VariantName } from '../http/variants/variants.ts'
import type { LoadCalls } from '../load/load-calls.ts'
import { alternate } from '../measure/alternate.ts'
import type { CaseResult } from '../measure/result.ts'
import { MeasuredProcess } from '../processes/measured-process.ts'
import type { CasePlan, Suite, SuiteContext } from './suite.ts'

const NODES = ['20', '24', '26'] as const
const FRAMEWORKS = ['Express', 'Fastify'] as const
const CALLERS = 10
const POOL_MAX = 20

const CONTESTANTS = {
  'no middleware': 'bare',
  'by hand': 'pinned pg',
  Sherd: 'Sherd',
} as const satisfies Record<string, VariantName>

interface MiddlewareCase extends CasePlan {
  readonly node: (typeof NODES)[number]
  readonly framework: (typeof FRAMEWORKS)[number]
}

const cases: readonly MiddlewareCase[] = NODES.flatMap((node) =>
  FRAMEWORKS.map((framework) => ({
    id: `${framework} on Node ${node}`,
    contestants: Object.keys(CONTESTANTS),
    figures: ['requestsPerSecond', 'cpuUsPerRequest', 'p50Ms', 'p99Ms'] as const,
    compared: { figure: 'cpuUsPerRequest', to: 'by hand' } as const,
    node,
    framework,
  })),
)

export const middleware: Suite = {
  name: 'middleware',
  title: 'The middleware alone, over a driver that answers at once',
  cases,
  async run(context) {
    const load = new MeasuredProcess<LoadCalls>('load-process')
    try {
      const results: CaseResult[] = []
      for (const node of NODES) {
        const program = programOf(node)
        if (program === undefined) {
          context.note(`Node ${node} could not be downloaded.`)
          continue
        }
        for (const plan of cases.filter((each) => each.node === node))
          results.push(await compare(context, plan, program, load))
      }
      return results
    } finally {
      await load.end()
    }
  },
}

function programOf(node: string): string | undefined {
  return process.versions.node.startsWith(`${node}.`) ? process.execPath : downloadNode(node)
}

async function compare(
  { isQuick, rounds, progress }: SuiteContext,
  { id, framework }: MiddlewareCase,
  node: string,
  load: MeasuredProcess<LoadCalls>,
): Promise<CaseResult> {
  const hosts = new Map<string, Host>()
  try {
    for (const [name, variant] of Object.entries(CONTESTANTS))
      hosts.set(name, await openHost(node, { variant, framework }))
    for (const [name, host] of hosts) {
      if (isQuick) break
      progress(`${id}: warming up ${name}`)
      await warmUp(load, host, { path: '/tenant', callers: CALLERS })
    }
    return await alternate({
      id,
      contestants: Array.from(hosts, ([name, host]) => ({
        name,
        measure: () => loadOnHost(load, host, { path: '/tenant', callers: CALLERS, ms: isQuick ? 50 : 500 }),
      })),
      rounds,
      warmUpRounds: 1,
      progress,
    })
  } finally {
    for (const { process } of hosts.values()) await process.end()
  }
}

async function openHost(node: string, what: Pick<OpenHost, 'variant' | 'framework'>): Promise<Host> {
  const process: Host['process'] = new MeasuredProcess('host-process', { node })
  const port = await process.call('open', {
    ...what,
    url: null,
    poolMax: POOL_MAX,
    hygiene: 'off',
    applicationName: what.variant,
  })
  return { process, port }
}
