import type { Readable } from 'node:stream'
import { knex } from './database.ts'

export interface Project {
  id: number
  tenant: string
  name: string
  done: boolean
}

export function listProjects(tenant: string): Promise<Project[]> {
  return knex<Project>('projects').where({ tenant }).orderBy('id')
}

export async function addProject(tenant: string, name: string): Promise<Project> {
  const [project] = await knex<Project>('projects').insert({ tenant, name }).returning('*')
  return project as Project
}

/** Both or nothing: the project is done, and there is an event that says so. Undefined where there is no such project. */
export function finishProject(tenant: string, id: number): Promise<Project | undefined> {
  return knex.transaction(async (trx) => {
    const [project] = await trx<Project>('projects')
      .where({ tenant, id })
      .update({ done: true })
      .returning('*')
    if (project === undefined) return undefined
    const earlier = await trx('events').where({ project_id: id }).first()
    await trx('events').insert({ project_id: id, what: 'finished' })
    if (earlier !== undefined) throw new Error('finished before')
    return project
  })
}

export async function countProjects(tenant: string): Promise<{ all: number; done: number; events: number }> {
  const mine = () => knex<Project>('projects').where({ tenant })
  const [[all], [done], [events]] = await Promise.all([
    mine().count({ count: '*' }),
    mine().where({ done: true }).count({ count: '*' }),
    knex('events').whereIn('project_id', mine().select('id')).count({ count: '*' }),
  ])
  return { all: Number(all?.['count']), done: Number(done?.['count']), events: Number(events?.['count']) }
}

export function streamNames(tenant: string): Readable {
  return knex<Project>('projects').where({ tenant }).orderBy('id').select('name').stream()
}
