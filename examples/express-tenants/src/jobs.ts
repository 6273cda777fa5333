import { connectedTo, connectedToTenant, db } from '@sherd/core'
import { type Connection, connection } from './connection.ts'
import { type Project, projects } from './projects.ts'

// Jobs are anything that is not a request: a timer, a queue's worker, a script.

/** Housekeeping for a whole shard: removes what is done, whichever tenant's it is. */
export function removeDoneProjects(
  shard: string,
): Promise<Connection & { removed: Pick<Project, 'tenant' | 'name'>[] }> {
  return connectedTo(shard, async () => {
    const removed = await db<Project>('projects').where({ done: true }).del().returning(['tenant', 'name'])
    return { ...(await connection()), removed }
  })
}

/** Work for one tenant, wherever it lives: the projects that somebody should be reminded of. */
export function openProjects(tenant: string): Promise<Connection & { open: string[] }> {
  return connectedToTenant(tenant, async () => {
    const open = await projects().where({ done: false }).orderBy('id').pluck('name')
    return { ...(await connection()), open }
  })
}
