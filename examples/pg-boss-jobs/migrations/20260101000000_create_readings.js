// Plain JavaScript, so that knex can load it whether or not TypeScript is being compiled.

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('readings', (table) => {
    table.increments('id')
    table.string('tenant').notNullable().index()
    table.integer('value').notNullable()
    // The process that served the connection, to be seen in the demonstration.
    table.integer('backend').notNullable().defaultTo(knex.raw('pg_backend_pid()'))
  })
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('readings')
}
