import { db } from '@sherd/core'
import { Model } from 'objection'

export class Task extends Model {
  static override readonly tableName = 'tasks'
  declare id: number
  declare projectId: number
  declare title: string
}

export class Project extends Model {
  static override readonly tableName = 'projects'
  static override readonly relationMappings = {
    tasks: {
      relation: Model.HasManyRelation,
      modelClass: Task,
      join: { from: 'projects.id', to: 'tasks.projectId' },
    },
  }
  declare id: number
  declare tenant: string
  declare name: string
  declare tasks?: Task[]
}

// Once, at the start: the models follow the scope, as db does.
Model.knex(db)
