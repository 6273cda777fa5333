import { createSharding } from '@sherd/core'
import { startMariadb } from '@sherd/local-servers'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'

const primary = await startMariadb({ settings: { server_id: 1, log_bin: 'on' } })
const replica = await startMariadb({ settings: { server_id: 2 } })
afterAll(() => Promise.all([primary.stop({ mode: 'immediate' }), replica.stop({ mode: 'immediate' })]))

test('a replica serves while it replicates, and is left out once it does not, though it answers', async () => {
  const { host, port, user, password } = primary
  // What it has written so far are its own accounts.
  await runSql(primary.urlOf('mysql'), 'reset master')
  await runSql(
    replica.urlOf('mysql'),
    `change master to master_host='${host}', master_port=${port}, master_user='${user}',
      master_password='${password}', master_use_gtid=slave_pos`,
    'start slave',
  )
  await primary.createDatabase('app')
  await runSql(primary.urlOf('app'), 'create table items (id int)')
  const sharding = createSharding({
    config: {
      defaults: { client: 'mysql2', reading: { maxLagMs: 2000 } },
      shards: { one: { connection: primary.urlOf('app'), replicas: [{ connection: replica.urlOf('app') }] } },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  /** The number of the server that answers. */
  const ask = () =>
    sharding.connectedTo({ shard: 'one', role: 'reading' }, async () => {
      const [[row]] = await sharding.db.raw('select @@server_id as id')
      return row.id as number
    })
  const status = () => sharding.stats().shards['one']?.reading.endpoints['one/replica-0']?.replica
  await until(async () => (await ask().catch(() => undefined)) === 2)

  await runSql(replica.urlOf('mysql'), 'stop slave sql_thread')
  await until(async () => (await ask()) === 1)
  expect(status()).toMatchObject({ isAdmitted: false, fault: 'lagging' })

  await runSql(replica.urlOf('mysql'), 'start slave sql_thread')
  await until(async () => (await ask()) === 2)
})
