import { ask, type Question } from './ask.ts'
import { check, UnexpectedError } from './check.ts'
import { lookAtHealth } from './monitor.ts'
import { printAnswer, printLine, printNote, printWaiting } from './print.ts'
import { askAndCheck, type Tour } from './visit.ts'

/** One whose circuit breaker is open; enough to see that each is quick. */
const REFUSALS = 3
const QUICK_MS = 100
const PATIENCE_MS = 10_000

const hooli: Question = { tenant: 'hooli', path: '/projects' }

/** The server of shard_2 stops and comes back. */
export async function outage(tour: Tour): Promise<void> {
  const { secondServer: server, signal } = tour
  await printWaiting('Stopping the PostgreSQL server of shard_2', signal, () =>
    server.halt({ mode: 'immediate' }),
  )
  const noticedMs = await untilAnswered(tour, 'SHARD_ERR_CIRCUIT_OPEN')
  printLine(`From then until its circuit breaker was open: ${noticedMs} ms`)
  await refusals(tour)
  await lookAtHealth(tour, { status: 503, health: 'unhealthy', unwell: { shard_2: 'unhealthy' } })
  for (const tenant of ['acme', 'initech'])
    await askAndCheck(
      tour,
      { tenant, path: '/projects' },
      { status: 200, shard: tenant === 'acme' ? 'shard_0' : 'shard_1' },
    )

  await printWaiting('Starting it again', signal, () => server.restart())
  printLine(`From then until the first answer: ${await untilAnswered(tour, undefined)} ms`)
  await askAndCheck(tour, hooli, { status: 200, shard: 'shard_2' })
  await lookAtHealth(tour, { status: 200, health: 'healthy', unwell: {} })
  printNote(
    'While its database is down, a shard refuses at once and holds nothing; a probe',
    'finds out when it is back, and requests are served again without a restart.',
  )
}

async function refusals({ url, signal }: Tour): Promise<void> {
  const times: number[] = []
  for (let i = 0; i < REFUSALS; i++) {
    const answer = await ask(url, hooli, signal)
    printAnswer(answer)
    check('The status while the server is down', answer.status, 503)
    check('The shard', answer.body.shard, 'shard_2')
    times.push(answer.ms)
  }
  check('Whether one was refused at once', Math.min(...times) < QUICK_MS, true)
}

/** Asks until the answer has this code; undefined: until it is served. @returns the milliseconds that took */
async function untilAnswered({ url, signal }: Tour, code: string | undefined): Promise<number> {
  const since = performance.now()
  for (;;) {
    const { body, status } = await ask(url, hooli, signal)
    if (code === undefined ? status === 200 : body.code === code) return Math.round(performance.now() - since)
    if (performance.now() - since > PATIENCE_MS)
      throw new UnexpectedError(`Waited in vain for ${code ?? 'an answer'} of shard_2.`)
  }
}
