// Plain JavaScript, so that knex can load it whether or not TypeScript is being compiled.

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
    table.string('tenant').notNullable().index()
    table.string('what').notNullable()
    table.timestamp('at').notNullable().defaultTo(knex.fn.now())
  })
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('events')
  await knex.schema.dropTable('projects')
}
