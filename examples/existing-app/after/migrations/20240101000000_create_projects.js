/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('projects', (table) => {
    table.increments('id')
    table.string('tenant').notNullable().index()
    table.string('name').notNullable()
    table.boolean('done').notNullable().defaultTo(false)
  })
  await knex.schema.createTable('events', (table) => {
    table.increments('id')
    table.integer('project_id').notNullable().references('projects.id')
    table.string('what').notNullable()
  })
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('events')
  await knex.schema.dropTable('projects')
}
