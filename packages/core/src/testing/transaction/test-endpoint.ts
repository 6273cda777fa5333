import type { PoolConfig } from '../../config/resolved-config.ts'
import type { Endpoint } from '../../topology/topology.ts'
import { discreet } from '../../util/discreet.ts'

/** One connection, which stays for as long as the test lasts. */
const LIMITS: Partial<PoolConfig> = {
  min: 0,
  max: 1,
  perTenantMax: null,
  shedTargetMs: null,
  idleTimeoutMs: null,
  maxLifetimeMs: null,
  pingAfterIdleMs: null,
}

/** The endpoint of a shard for the time of one test. */
export function testEndpoint(primary: Endpoint, id: string): Endpoint {
  const { connection, pool } = primary
  return discreet<Endpoint>({ ...primary, connection, id, pool: Object.freeze({ ...pool, ...LIMITS }) }, [
    'connection',
  ])
}
