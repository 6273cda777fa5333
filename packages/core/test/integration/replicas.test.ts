import { startPostgres, startStandby } from '@sherd/local-servers'
import { createDatabase } from '@sherd/local-servers/test-database'
import { bound } from '@sherd/local-servers/test-scale'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import {
  type ConfigObject,
  createSharding,
  IdentityMismatchError,
  type ReplicaEjectedMessage,
  type Sharding,
  ShardUnavailableError,
} from '../../src/index.ts'
import { errorOf } from '../support/error-of.ts'
import { runSql } from '../support/run-sql.ts'
import { until } from '../support/until.ts'

const primary = await startPostgres()
const standbys = [await startStandby(primary), await startStandby(primary)] as const
const [first, second] = standbys
afterAll(() => Promise.all([...standbys, primary].map((server) => server.stop({ mode: 'immediate' }))))
await runSql(primary.url, 'create table seen as select 0 as n')

type Shard = NonNullable<Exclude<ConfigObject['shards'], string | undefined>[string]>

const REPLICAS = standbys.map(({ url }) => ({ connection: url }))
const READING = { shard: 'one', role: 'reading' } as const
const PATIENT = { maxLagMs: 30_000 }

function configOf(shard: Partial<Shard> = {}): ConfigObject {
  const own = { connection: primary.url, replicas: REPLICAS, ...shard }
  return { defaults: { client: 'pg' }, shards: { one: own } }
}

function open(shard?: Partial<Shard>): Sharding {
  const sharding = createSharding({ config: configOf(shard) })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  return sharding
}

type Answer = 0 | 1 | 'primary'

/** Which server has answered: by its number, if it is a replica. */
async function whoAnswers(sharding: Sharding): Promise<Answer> {
  const { rows } = await sharding.db.raw('select inet_server_port() as port')
  const index = standbys.findIndex(({ port }) => port === rows[0].port)
  return index < 0 ? 'primary' : (index as 0 | 1)
}

const read = (sharding: Sharding) => sharding.connectedTo(READING, () => whoAnswers(sharding))

async function reads(sharding: Sharding, count: number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let left = count; left > 0; left--) answers.push(await read(sharding))
  return answers
}

const countOf = (answers: readonly Answer[], wanted: Answer) =>
  answers.filter((answer) => answer === wanted).length

function endpointsOf(sharding: Sharding) {
  const { endpoints } = sharding.stats().shards['one']?.reading ?? {}
  return Object.values(endpoints ?? {})
}

/** Whether it has heard of the end of all its connections. */
const isUnconnected = (sharding: Sharding) => endpointsOf(sharding).every(({ total }) => total === 0)

const statusOf = (sharding: Sharding, index: 0 | 1) => endpointsOf(sharding)[index]?.replica

function ejectionsOf(sharding: Sharding): Pick<ReplicaEjectedMessage, 'endpoint' | 'cause'>[] {
  const ejections: Pick<ReplicaEjectedMessage, 'endpoint' | 'cause'>[] = []
  sharding.on('replica:ejected', ({ endpoint, cause }) => ejections.push({ endpoint, cause }))
  return ejections
}

test('reads are spread by weight, exactly, and a weight of 0 takes none', async () => {
  const [one, two] = REPLICAS as [Shard, Shard]
  const weighted = (weights: readonly [number, number]) =>
    configOf({
      replicas: [one, two].map((replica, index) => ({ ...replica, weight: weights[index] })) as never,
    })
  const sharding = createSharding({ config: weighted([3, 1]) })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  const answers = await reads(sharding, 8)
  expect([countOf(answers, 0), countOf(answers, 1)]).toEqual([6, 2])
  const takenOnFirst = () => endpointsOf(sharding)[0]?.checkoutCount
  expect(takenOnFirst()).toBe(6)

  // Another weight is no other server: its pool, and what is known, stay.
  await sharding.reload({ config: weighted([0, 1]) } as never)
  expect(countOf(await reads(sharding, 4), 1)).toBe(4)
  expect(takenOnFirst()).toBe(6)
})

test('a replica that dies costs one request at most, and gets its turns again when it is back', async () => {
  const sharding = open()
  const ejections = ejectionsOf(sharding)
  let readmittedCount = 0
  sharding.on('replica:readmitted', () => readmittedCount++)
  expect(new Set(await reads(sharding, 4))).toEqual(new Set([0, 1]))

  await first.kill()
  // One may be lent an idle connection whose end has not been heard of yet.
  let failed = 0
  for (let left = 20; left > 0; left--) {
    const answer = await read(sharding).catch(() => {
      failed++
      return 1
    })
    expect(answer).toBe(1)
  }
  expect(failed).toBeLessThanOrEqual(1)
  expect(statusOf(sharding, 0)).toMatchObject({ isAdmitted: false, fault: 'unreachable', ejectedCount: 1 })
  expect(ejections).toEqual([{ endpoint: 'one/replica-0', cause: 'unreachable' }])
  const { status, shards } = await sharding.health()
  expect([status, shards['one']?.warnings.map(({ endpoint }) => endpoint)]).toEqual([
    'degraded',
    expect.arrayContaining(['one/replica-0']),
  ])

  await first.restart()
  const since = performance.now()
  await until(async () => (await read(sharding)) === 0)
  expect(performance.now() - since).toBeLessThan(bound(2000))
  expect(readmittedCount).toBe(1)
  expect(countOf(await reads(sharding, 10), 0)).toBe(5)
})

test('under load at most one request fails for each connection that a dying replica takes along', async () => {
  const pool = { max: 5 }
  const sharding = open({ pool })
  await Promise.all(Array.from({ length: 10 }, () => read(sharding)))
  let isOver = false
  let failed = 0
  let served = 0
  const clients = Array.from({ length: 10 }, async () => {
    while (!isOver) {
      await read(sharding).then(
        () => served++,
        () => failed++,
      )
    }
  })
  await until(() => served > 100)
  await second.kill()
  const before = served
  await until(() => served > before + 100)
  const atDeath = failed
  await until(() => served > before + 500)
  isOver = true
  await Promise.all(clients)
  expect(atDeath).toBeLessThanOrEqual(pool.max)
  expect(failed).toBe(atDeath)
  await second.restart()
})

test('while no replica serves, the primary does, or nobody: as the configuration says', async () => {
  const [lenient, strict] = [open(), open({ reading: { whenNoReplica: 'refuse' } })]
  for (const sharding of [lenient, strict]) await reads(sharding, 2)
  await Promise.all(standbys.map((standby) => standby.kill()))
  for (const sharding of [lenient, strict]) await until(() => isUnconnected(sharding))

  expect(await reads(lenient, 5)).toEqual(Array(5).fill('primary'))
  expect((await lenient.health()).status).toBe('degraded')
  const refusal = () => errorOf(() => read(strict))
  await until(async () => (await refusal()).message.startsWith('No replica'))
  const refused = await refusal()
  expect(refused).toBeInstanceOf(ShardUnavailableError)
  expect(refused.message).toBe(
    'No replica of shard "one" takes reads (one/replica-0 unreachable, one/replica-1 unreachable), and the primary does ' +
      'not either: reading.whenNoReplica is refuse.',
  )
  expect(refused).toMatchObject({ statusCode: 503, shard: 'one' })
  expect((await strict.health()).status).toBe('unhealthy')
  expect(await strict.connectedTo('one', () => whoAnswers(strict))).toBe('primary')

  // What reads in place of the replicas reads on the connection that is there.
  await lenient.connectedTo('one', async () => {
    await lenient.connectedTo({ role: 'reading' }, async () => {
      expect(await whoAnswers(lenient)).toBe('primary')
      expect(lenient.stats().shards['one']?.writing.active).toBe(1)
    })
  })

  await Promise.all(standbys.map((standby) => standby.restart()))
  for (const sharding of [lenient, strict]) {
    await until(async () => typeof (await read(sharding).catch(() => undefined)) === 'number')
  }
})

test('who reads on the primary stays there: a scope inside may write on the same connection', async () => {
  const sharding = open({ replicas: [{ connection: first.url }] })
  await first.kill()
  await until(async () => (await read(sharding).catch(() => undefined)) === 'primary')
  await sharding.connectedTo(READING, async () => {
    await sharding.connectedTo({ role: 'writing' }, async () => {
      expect(await whoAnswers(sharding)).toBe('primary')
      await sharding.releaseConnection()
      await first.restart()
      await until(() => statusOf(sharding, 0)?.isAdmitted)
      await primary.halt()
      await until(() => sharding.stats().shards['one']?.writing.total === 0)
      await expect(sharding.db('seen').update({ n: 0 })).rejects.toBeInstanceOf(ShardUnavailableError)
    })
  })
  await primary.restart()
})

test('a lazy scope goes on to another replica as well, at its first query', async () => {
  const sharding = open()
  await reads(sharding, 2)
  await first.kill()
  await until(() => endpointsOf(sharding)[0]?.total === 0)
  for (let left = 4; left > 0; left--) {
    const target = { ...READING, checkout: 'lazy' } as const
    expect(await sharding.connectedTo(target, () => whoAnswers(sharding))).toBe(1)
  }
  await first.restart()
})

test('a replica that lags takes no reads until it has caught up; one whose primary is idle does not lag', async () => {
  // Several looks at it may come late on a busy machine.
  const maxLagMs = 1000
  const sharding = open({ reading: { maxLagMs } })
  const ejections = ejectionsOf(sharding)
  await until(async () => new Set(await reads(sharding, 4)).size === 2)
  // Nothing is written, and time goes on.
  const idleUntil = performance.now() + 2 * maxLagMs
  while (performance.now() < idleUntil) expect(await read(sharding)).not.toBe('primary')
  expect(ejections).toEqual([])

  await first.pauseReplay()
  await runSql(primary.url, 'update seen set n = n + 1')
  await until(async () => {
    await read(sharding)
    return statusOf(sharding, 0)?.fault === 'lagging'
  })
  expect(await reads(sharding, 10)).toEqual(Array(10).fill(1))
  expect(ejections).toEqual([{ endpoint: 'one/replica-0', cause: 'lagging' }])
  expect(statusOf(sharding, 0)?.lagMs).toBeGreaterThan(maxLagMs)
  const { shards } = await sharding.health()
  expect(shards['one']).toMatchObject({ status: 'degraded', breaker: 'closed' })
  expect(shards['one']?.warnings.map(({ code, endpoint }) => [code, endpoint])).toEqual([
    ['REPLICA_LAGGING', 'one/replica-0'],
  ])

  await first.resumeReplay()
  await until(async () => (await read(sharding)) === 0)
})

test('nobody reads what is older than the limit, however the replicas lag', async () => {
  const maxLagMs = 400
  const sharding = open({ reading: { maxLagMs } })
  await runSql(primary.url, 'create table written (n int)')
  await runSql(primary.url, 'insert into written values (0)')
  /** When each number was committed. */
  const committedAt = [performance.now()]
  let isOver = false
  const writing = (async () => {
    while (!isOver) {
      const n = committedAt.length
      await sharding.connectedTo('one', () => sharding.db('written').update({ n }))
      committedAt[n] = performance.now()
    }
  })()
  const pausing = (async () => {
    for (let round = 0; round < 4; round++) {
      const standby = standbys[round % 2] as (typeof standbys)[number]
      await standby.pauseReplay()
      await new Promise((resolve) => setTimeout(resolve, 2 * maxLagMs * Math.random()))
      await standby.resumeReplay()
      await standby.caughtUp()
    }
  })()
  let oldest = 0
  const servedBy = { replica: 0, primary: 0 }
  const readers = Array.from({ length: 3 }, async () => {
    while (!isOver) {
      const since = performance.now()
      const { answer, n } = await sharding.connectedTo(READING, async () => ({
        n: (await sharding.db('written').first('n')).n as number,
        answer: await whoAnswers(sharding),
      }))
      servedBy[answer === 'primary' ? 'primary' : 'replica']++
      // The first commit that it could not see.
      const missed = committedAt[n + 1]
      if (missed !== undefined) oldest = Math.max(oldest, since - missed)
    }
  })
  await pausing
  isOver = true
  await Promise.all([writing, ...readers])
  expect(servedBy.replica).toBeGreaterThan(10)
  expect(oldest).toBeLessThanOrEqual(maxLagMs)
})

test('a standby that is cut off from its primary is fresh no more, although it has replayed all it has received', async () => {
  const sharding = open({ reading: { maxLagMs: 300 } })
  await until(async () => typeof (await read(sharding)) === 'number')
  await primary.halt()
  const faults = (of: Sharding) => [statusOf(of, 0)?.fault, statusOf(of, 1)?.fault].join()
  await until(async () => {
    await read(sharding).catch(() => {})
    return faults(sharding) === 'lagging,lagging'
  })
  // And of one that nobody has ever seen follow anything nothing is known.
  const late = open({ reading: { maxLagMs: 300, whenNoReplica: 'refuse' } })
  await until(async () => {
    await read(late).catch(() => {})
    return faults(late) === 'unknown,unknown'
  })
  await expect(read(late)).rejects.toThrow('one/replica-0 unknown, one/replica-1 unknown')
  await primary.restart()
  await until(async () => typeof (await read(sharding).catch(() => undefined)) === 'number')
})

test('replicas are not asked while nobody reads', async () => {
  const sharding = open({ reading: PATIENT })
  await sharding.connectedTo('one', () => whoAnswers(sharding))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(endpointsOf(sharding).map(({ openedCount, replica }) => [openedCount, replica])).toEqual([
    [0, undefined],
    [0, undefined],
  ])
})

test('leases of both roles are back when a scope has ended, however it ends', async () => {
  const sharding = open()
  const failure = new Error('no')
  const work = sharding.connectedTo('one', async () => {
    await sharding.db.raw('select 1')
    await sharding.connectedTo({ role: 'reading' }, async () => {
      await sharding.db.raw('select 1')
      throw failure
    })
  })
  await expect(work).rejects.toBe(failure)
  const { writing, reading } = sharding.stats().shards['one'] ?? {}
  await until(() => sharding.stats().shards['one']?.reading.active === 0)
  expect([writing?.waiting, reading?.waiting]).toEqual([0, 0])
})

test('fault 26: a standby of another database is refused, and reads go where they belong', async () => {
  await using other = await startPostgres()
  const replicas = [{ connection: first.url }]
  const sharding = open({ connection: other.url, replicas })
  // As long as nobody knows the primary, nothing is known against it.
  expect(await read(sharding)).toBe(0)
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  await until(() => endpointsOf(sharding)[0]?.total === 0)

  const { rows } = await sharding.connectedTo(READING, () =>
    sharding.db.raw('select inet_server_port() as port'),
  )
  expect(rows[0].port).toBe(other.port)
  expect(statusOf(sharding, 0)).toMatchObject({ isAdmitted: false, fault: 'mistaken' })
  const { shards } = await sharding.health()
  expect(shards['one']?.warnings.map(({ code }) => code)).toContain('IDENTITY_MISMATCH')
})

test('fault 26: a replica of one shard is no replica of another', async () => {
  const sharding = createSharding({
    config: {
      defaults: { client: 'pg', reading: { whenNoReplica: 'refuse' } },
      shards: {
        one: { connection: primary.url, replicas: REPLICAS },
        two: { connection: await createDatabase(), replicas: REPLICAS },
      },
    },
  })
  onTestFinished(() => sharding.close({ deadlineMs: 0 }))
  await read(sharding)
  const refused = await errorOf(() =>
    sharding.connectedTo({ shard: 'two', role: 'reading' }, () => whoAnswers(sharding)),
  )
  expect(refused).toBeInstanceOf(ShardUnavailableError)
  expect(refused.cause).toBeInstanceOf(IdentityMismatchError)
})

test('fault 26: a standby that was promoted is refused', async () => {
  await using standby = await startStandby(primary)
  const sharding = open({ replicas: [{ connection: standby.url }] })
  await sharding.connectedTo('one', () => sharding.db.raw('select 1'))
  const port = () =>
    sharding.connectedTo(READING, async () => {
      const { rows } = await sharding.db.raw('select inet_server_port() as port')
      return rows[0].port as number
    })
  expect(await port()).toBe(standby.port)
  await runSql(standby.url, 'select pg_promote()')
  // Its connections survive: the next one that is opened finds out.
  await standby.restart()
  expect(await until(async () => (await port()) === primary.port)).toBe(true)
  await until(() => statusOf(sharding, 0)?.fault === 'mistaken')
  expect(await port()).toBe(primary.port)
})

test('a replica whose connections are all in use is asked in its turn, and goes on serving', async () => {
  const maxLagMs = 500
  const sharding = open({ replicas: [{ connection: first.url }], pool: { max: 1 }, reading: { maxLagMs } })
  await until(async () => (await read(sharding)) === 0)
  const endsAt = performance.now() + 2 * maxLagMs
  const answers: Answer[] = []
  const busy = Array.from({ length: 3 }, async () => {
    while (performance.now() < endsAt) answers.push(await read(sharding))
  })
  await Promise.all(busy)
  expect(countOf(answers, 0) / answers.length).toBeGreaterThan(0.9)
})
