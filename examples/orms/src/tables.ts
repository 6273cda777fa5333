import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core'
import type { Generated } from 'kysely'

/** For Kysely. */
export interface Tables {
  projects: { id: Generated<number>; tenant: string; name: string }
  tasks: { id: Generated<number>; projectId: number; title: string }
}

/** For Drizzle. */
export const projects = pgTable('projects', {
  id: serial('id').primaryKey(),
  tenant: text('tenant').notNull(),
  name: text('name').notNull(),
})

export const tasks = pgTable('tasks', {
  id: serial('id').primaryKey(),
  projectId: integer('projectId').notNull(),
  title: text('title').notNull(),
})
