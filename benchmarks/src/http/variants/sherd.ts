import { createSharding, type Sharding } from '@sherd/core'
import { shardMiddleware } from '@sherd/express'
import { shardPlugin } from '@sherd/fastify'
import { type Project, SHARD, TENANTS } from '../dataset.ts'
import type { Hygiene, Variant, VariantOptions } from '../variant.ts'
import { readWithKnex } from './knex-reads.ts'

const SCRUB = { off: 'never', on: 'always', auto: 'auto' } as const satisfies Record<Hygiene, string>

/** Sherd with knex. */
export function createSherd(options: VariantOptions): Variant {
  return variantOf(options, ({ db, requireScope }, reads) =>
    readWithKnex(db, requireScope().tenant as string, reads),
  )
}

interface PgClient {
  query(sql: string, values?: readonly unknown[]): Promise<{ rows: Project[] }>
}

/** Sherd with the driver's own connection. */
export function createSherdRaw(options: VariantOptions): Variant {
  return variantOf(options, ({ requireScope, withRawConnection }, { ids, inTransaction }) =>
    withRawConnection(async (client: PgClient) => {
      const { tenant } = requireScope()
      const projects: Project[] = []
      if (inTransaction) await client.query('BEGIN')
      for (const id of ids) {
        const { rows } = await client.query(
          'select "id", "tenant", "name" from "projects" where "tenant" = $1 and "id" = $2',
          [tenant, id],
        )
        projects.push(...rows)
      }
      if (inTransaction) await client.query('COMMIT')
      return projects
    }),
  )
}

function variantOf(
  { url, poolMax, hygiene, applicationName }: VariantOptions,
  read: (sharding: Sharding, reads: Parameters<Variant['read']>[1]) => Promise<Project[]>,
): Variant {
  const sharding = createSharding({
    config: {
      router: { strategy: 'static' },
      tenant: { header: 'x-tenant-id' },
      shards: {
        [SHARD]: {
          client: 'pg',
          connection: { connectionString: url, application_name: applicationName },
          pool: { max: poolMax },
          scrub: SCRUB[hygiene],
          tenants: [...TENANTS],
        },
      },
    },
  })
  return {
    express: shardMiddleware({ sharding }),
    fastify: (app) => void app.register(shardPlugin, { sharding }),
    tenantOf: () => sharding.requireScope().tenant as string,
    read: (_req, reads) => read(sharding, reads),
    async sleep(_req, seconds) {
      await sharding.db.raw('select pg_sleep(?)', [seconds])
    },
    close: () => sharding.close({ deadlineMs: 1000 }),
  }
}
