import { db, requireScope } from '@sherd/core'

export interface Project {
  id: number
  tenant: string
  name: string
  done: boolean
}

/** The tenant of the current request or job. */
export function currentTenant(): string {
  const { tenant, shard } = requireScope()
  if (tenant === undefined) throw new Error(`This code is connected to ${shard}, but to no tenant on it.`)
  return tenant
}

/** Projects of the current tenant: tenants of one shard share its tables, so nothing else may read them for a tenant. */
export function projects() {
  return db<Project>('projects').where({ tenant: currentTenant() })
}

/** Adds a project and the event that tells of it, both or neither. */
export function addProject(name: string): Promise<Pick<Project, 'id' | 'name'>> {
  const tenant = currentTenant()
  return db.transaction(async () => {
    // In here `db` is the transaction, in functions called from here as well.
    const [project] = await db<Project>('projects').insert({ tenant, name }).returning(['id', 'name'])
    if (project === undefined) throw new Error('The database returned no row.')
    await db('events').insert({ tenant, what: `added ${name}` })
    return project
  })
}
