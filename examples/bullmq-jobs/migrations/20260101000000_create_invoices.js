// Plain JavaScript, so that knex can load it whether or not TypeScript is being compiled.

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('invoices', (table) => {
    table.string('tenant').notNullable()
    table.integer('number').notNullable()
    table.integer('amount').notNullable()
    table.primary(['tenant', 'number'])
  })
  await knex.schema.createTable('events', (table) => {
    table.increments('id')
    table.string('tenant').notNullable().index()
    table.string('what').notNullable()
  })
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('events')
  await knex.schema.dropTable('invoices')
}
