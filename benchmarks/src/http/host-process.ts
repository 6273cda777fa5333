import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveCalls } from '../processes/serve-calls.ts'
import { createExpressApp, createFastifyApp } from './create-app.ts'
import type { HostCalls } from './host-calls.ts'
import { cutPostgresOff } from './no-io-postgres.ts'
import type { Variant } from './variant.ts'
import { VARIANTS } from './variants/variants.ts'

// One server under test.

/** Nobody connects there. */
const NOWHERE = 'postgres://nobody:nothing@127.0.0.1:1/nowhere'

let variant: Variant
let server: Server

serveCalls<HostCalls>({
  async open({ url, framework, ...options }) {
    if (url === null) cutPostgresOff()
    variant = VARIANTS[options.variant]({ ...options, url: url ?? NOWHERE })
    server = await (framework === 'Express' ? createExpressApp : createFastifyApp)(variant)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },

  usage: async () => usedCpuUs(),

  async close() {
    server.closeAllConnections()
    server.close()
    await variant.close()
  },
})

function usedCpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
