import type { Project } from '../dataset.ts'
import type { Variant, VariantOptions } from '../variant.ts'
import { pinnedClients } from './pinned-clients.ts'

/** One client of pg for each request. */
export function createPinnedPg(options: VariantOptions): Variant {
  const { store, ...pinned } = pinnedClients(options)
  return {
    ...pinned,
    async read(_req, { ids, inTransaction }) {
      const { client, tenant } = store()
      const projects: Project[] = []
      if (inTransaction) await client.query('BEGIN')
      for (const id of ids) {
        const { rows } = await client.query<Project>(
          'select "id", "tenant", "name" from "projects" where "tenant" = $1 and "id" = $2',
          [tenant, id],
        )
        projects.push(...rows)
      }
      if (inTransaction) await client.query('COMMIT')
      return projects
    },
    async sleep(_req, seconds) {
      await store().client.query('select pg_sleep($1)', [seconds])
    },
  }
}
