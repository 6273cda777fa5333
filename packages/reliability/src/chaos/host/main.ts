import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { HistoryWriter } from '../history/history-file.ts'
import type { IncidentRecord } from '../history/history-record.ts'
import { serveCalls } from '../processes/serve-calls.ts'
import { APPS } from './apps.ts'
import type { HostCalls, HostStart } from './host-calls.ts'
import { perQueryVariant } from './per-query-variant.ts'
import { pinnedVariant } from './pinned-variant.ts'
import { sherdVariant } from './sherd-variant.ts'
import type { Holdings, Variant } from './variant.ts'

// A process with one application of one framework.

const VARIANTS = { sherd: sherdVariant, pinned: pinnedVariant, 'per query': perQueryVariant }
const CLOSE_DEADLINE_MS = 5000

async function start(options: HostStart) {
  const { framework, variant: name, seed, history: path, ...variantOptions } = options
  const history = new HistoryWriter(path)
  const report = (what: IncidentRecord['what']) => (error: unknown) =>
    history.add({
      t: 'incident',
      process: framework,
      what,
      message: String(error),
    })
  process.on('uncaughtException', report('uncaught exception'))
  process.on('unhandledRejection', report('unhandled rejection'))
  process.on('warning', report('warning'))
  const variant: Variant = VARIANTS[name](variantOptions)
  const server = await APPS[framework]({ variant, seed, observe: (record) => history.add(record) })
  // The load generator's sockets are to be ended by the load generator.
  server.keepAliveTimeout = 60_000
  return { history, variant, server }
}

let running: Awaited<ReturnType<typeof start>>

serveCalls<HostCalls>({
  async start(options) {
    running = await start(options)
    return (running.server.address() as AddressInfo).port
  },
  async holdings(): Promise<Holdings> {
    return running.variant.holdings()
  },
  async heap() {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  },
  async close() {
    const { history, server, variant } = running
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    // tarn waits for ever for connections that were never given back.
    await Promise.race([
      variant.close(),
      new Promise((resolve) => setTimeout(resolve, CLOSE_DEADLINE_MS).unref()),
    ])
    const holdings = variant.holdings()
    await history.close()
    return holdings
  },
})
