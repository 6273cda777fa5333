import { availableParallelism, cpus, totalmem, type } from 'node:os'
import { startPostgres } from '@sherd/local-servers'
import { withClient } from '../chaos/schema.ts'

/** What figures depend on. */
export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly postgres: string
}

export async function describeMachine(): Promise<Machine> {
  const server = await startPostgres()
  try {
    const { rows } = await withClient(server.url, (client) => client.query('SHOW server_version'))
    return {
      cores: availableParallelism(),
      processor: cpus()[0]?.model ?? 'unknown',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: type(),
      node: process.versions.node,
      postgres: rows[0].server_version,
    }
  } finally {
    await server.stop({ mode: 'immediate' })
  }
}
