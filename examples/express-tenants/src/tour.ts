import type { PoolStats } from '@sherd/core'
import type { Answer } from './ask.ts'
import { check, UnexpectedError } from './check.ts'
import { firstProjects } from './first-projects.ts'
import { openProjects, removeDoneProjects } from './jobs.ts'
import { lookAtHealth, lookAtStats } from './monitor.ts'
import { outage } from './outage.ts'
import { printHeading, printJob, printLine, printNote, printPools } from './print.ts'
import { until } from './until.ts'
import { askAndCheck, askAndPrint, type Tour } from './visit.ts'

interface Step {
  readonly title: string
  readonly run: (tour: Tour) => Promise<void>
}

const steps: readonly Step[] = [
  { title: 'Each tenant is served by its own shard', run: tenantsOnTheirShards },
  { title: 'Tenants of one shard do not see each other', run: neighbours },
  { title: 'Who is not a tenant gets no connection', run: notTenants },
  { title: 'One shard is saturated, and the others serve', run: saturation },
  { title: 'A database server stops, and the others do not notice', run: outage },
  { title: 'Jobs connect like requests', run: jobs },
  { title: 'What the pools hold afterwards', run: pools },
]

/** Names the step that was not as expected. */
export class TourError extends Error {
  override readonly name = 'TourError'
}

/** Takes the steps in turn. Rejects with TourError at the first one that is not as expected. */
export async function takeTour(tour: Tour): Promise<void> {
  for (const [index, { title, run }] of steps.entries()) {
    printHeading(index + 1, title)
    try {
      await run(tour)
    } catch (cause) {
      tour.signal.throwIfAborted()
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new TourError(`Step ${index + 1}, “${title}”, was not as expected. ${message}`, { cause })
    }
  }
  printLine()
  printLine(`All ${steps.length} steps were as expected.`)
}

/** As config/shards/*.yaml have it. */
const shardOf: Readonly<Record<string, string>> = {
  acme: 'shard_0',
  globex: 'shard_0',
  initech: 'shard_1',
  umbrella: 'shard_1',
  hooli: 'shard_2',
  tyrell: 'shard_2',
}

async function tenantsOnTheirShards(tour: Tour): Promise<void> {
  for (const [tenant, shard] of Object.entries(shardOf)) {
    const { body } = await askAndCheck(tour, { tenant, path: '/projects' }, { status: 200, shard })
    check(`Projects of ${tenant}`, names(body.projects), firstProjects[tenant])
  }
  printNote(
    'The header x-tenant-id says whose request it is. The backend is the process',
    "of the PostgreSQL server behind the request's one connection.",
  )
}

async function neighbours(tour: Tour): Promise<void> {
  const name = 'Giant magnet'
  const json = { name }
  await askAndCheck(
    tour,
    { tenant: 'acme', method: 'POST', path: '/projects', json },
    { status: 201, shard: 'shard_0' },
  )
  for (const tenant of ['acme', 'globex']) {
    const { body } = await askAndCheck(tour, { tenant, path: '/projects' }, { status: 200, shard: 'shard_0' })
    check(`Whether ${tenant} sees ${name}`, names(body.projects).includes(name), tenant === 'acme')
  }
  printNote('Acme and globex share the tables of shard_0; each query is for one tenant.')
}

async function notTenants(tour: Tour): Promise<void> {
  const path = '/projects'
  const unknown = await askAndCheck(tour, { tenant: 'nobody', path }, { status: 404 })
  check('The code', unknown.body.code, 'SHARD_ERR_TENANT_UNKNOWN')
  const malformed = await askAndCheck(tour, { tenant: 'x'.repeat(300), path }, { status: 400 })
  check('The code', malformed.body.code, 'SHARD_ERR_TENANT_INVALID')
  const missing = await askAndCheck(tour, { path }, { status: 400 })
  check('The code', missing.body.code, 'SHARD_ERR_TENANT_MISSING')
  printNote('An unknown, a malformed and a missing tenant id. There is no default shard.')
}

async function saturation(tour: Tour): Promise<void> {
  const { max } = poolOf(tour, 'shard_0')
  const waiting = 2
  printNote(
    `Acme, on shard_0, asks for ${max + waiting} slow reports at once. The pool has ${max} connections,`,
    'and each request holds one for as long as it runs.',
  )
  const question = { tenant: 'acme', path: '/report?seconds=2' }
  const reports = Array.from({ length: max + waiting }, () => askAndPrint(tour, question))
  const [answers] = await Promise.all([Promise.all(reports), whileSaturated(tour, { max, waiting })])

  const served = answers.filter(({ status }) => status === 200)
  check('The number of reports served', served.length, max)
  check('The number of their backends', new Set(served.map(({ body }) => body.backend)).size, max)
  for (const answer of answers.filter((each) => !served.includes(each))) checkUnavailable(answer)
  printNote(
    'Who waited longer than checkoutTimeoutMs was told 503 and when to come back,',
    'globex included, which lives on shard_0, too. Other shards noticed nothing.',
  )
}

async function whileSaturated(tour: Tour, { max, waiting }: { max: number; waiting: number }): Promise<void> {
  const isFull = () => poolOf(tour, 'shard_0').active === max
  await until(() => isFull() && poolOf(tour, 'shard_0').waiting === waiting, {
    what: `${max} active connections of shard_0 and ${waiting} waiting requests`,
    signal: tour.signal,
  })
  printLine(`shard_0: ${max} of ${max} connections active, ${waiting} requests waiting`)
  await lookAtHealth(tour, { status: 200, health: 'degraded', unwell: { shard_0: 'degraded' } })
  await lookAtStats(tour, 'shard_0', { active: max, waiting })
  for (const tenant of ['initech', 'hooli']) {
    await askAndCheck(tour, { tenant, path: '/projects' }, { status: 200, shard: shardOf[tenant] })
    check(`Whether shard_0 was saturated when ${tenant} was served`, isFull(), true)
  }
  checkUnavailable(await askAndPrint(tour, { tenant: 'globex', path: '/projects' }))
}

function checkUnavailable({ status, retryAfter, body }: Answer): void {
  check('The status', status, 503)
  check('The code', body.code, 'SHARD_ERR_CHECKOUT_TIMEOUT')
  check('The shard', body.shard, 'shard_0')
  check('Whether Retry-After is a number of seconds', /^[1-9]\d*$/.test(retryAfter ?? ''), true)
}

async function jobs(tour: Tour): Promise<void> {
  const { removed, ...housekeeping } = await removeDoneProjects('shard_1')
  printJob("connectedTo('shard_1', …)", housekeeping, `${removed.length} removed`)
  check('The shard', housekeeping.shard, 'shard_1')
  check('The tenants of the removed projects', removed.map(({ tenant }) => tenant).sort(), [
    'initech',
    'umbrella',
  ])

  const { open, ...reminder } = await openProjects('hooli')
  printJob("connectedToTenant('hooli', …)", reminder, `${open.length} open`)
  check('The shard', reminder.shard, 'shard_2')
  check('Open projects of hooli', open, firstProjects['hooli']?.slice(1))

  const { body } = await askAndCheck(
    tour,
    { tenant: 'umbrella', path: '/projects' },
    { status: 200, shard: 'shard_1' },
  )
  check('Projects of umbrella', names(body.projects), firstProjects['umbrella']?.slice(1))
  printNote(
    'The first job removed what is done for all tenants of its shard; the second',
    'read the rows of one tenant.',
  )
}

async function pools({ sharding, signal }: Tour): Promise<void> {
  const all = () => Object.values(sharding.stats().shards).map(({ writing }) => writing)
  // A connection is brought back to its first state after the answer has gone out.
  await until(() => all().every(({ active }) => active === 0), { what: 'all connections to be back', signal })
  printPools(sharding.stats())
  check('The shards', sharding.shardNames, ['shard_0', 'shard_1', 'shard_2'])
  for (const { total, max, waiting } of all()) {
    check('Whether a pool kept to its limit', total <= max, true)
    check('The number of waiting requests', waiting, 0)
  }
  printNote('Every connection has come back, and none was opened beyond max.')
}

function poolOf({ sharding }: Tour, shard: string): PoolStats {
  const stats = sharding.stats().shards[shard]
  if (stats === undefined) throw new UnexpectedError(`There is no shard "${shard}".`)
  return stats.writing
}

function names(projects: readonly { name: string }[] = []): string[] {
  return projects.map(({ name }) => name)
}
