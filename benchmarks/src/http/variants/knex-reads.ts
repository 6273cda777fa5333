import type { Knex } from 'knex'
import type { Project } from '../dataset.ts'
import type { Reads } from '../variant.ts'

/** What an application does with knex, whichever instance, or with what stands for one. */
export async function readWithKnex(
  knex: Knex,
  tenant: string,
  { ids, inTransaction }: Reads,
): Promise<Project[]> {
  if (inTransaction) return await knex.transaction((trx) => readEach(trx, tenant, ids))
  return await readEach(knex, tenant, ids)
}

async function readEach(knex: Knex, tenant: string, ids: readonly number[]): Promise<Project[]> {
  const projects: Project[] = []
  for (const id of ids) {
    projects.push(...(await knex<Project>('projects').where({ tenant, id }).select('id', 'tenant', 'name')))
  }
  return projects
}
