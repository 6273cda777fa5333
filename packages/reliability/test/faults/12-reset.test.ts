import { setImmediate as turn } from 'node:timers/promises'
import { scaled } from '@sherd/local-servers/test-scale'
import { expect } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'
import { Load } from './support/load.ts'

test('fault 12: when all connections are reset, only requests with a query on the wire fail', async ({
  set,
}) => {
  const onTheWire = new Set<number>()
  const exposed = new Set<number>()
  let isSpreading = false
  const stage = await set({
    pool: { max: 10 },
    routes: (db) => ({
      '/': async ({ query }) => {
        const number = Number(query['number'])
        onTheWire.add(number)
        if (isSpreading) exposed.add(number)
        try {
          return (await db.raw('select pg_sleep(0.005), 1 as one')).rows[0].one
        } finally {
          onTheWire.delete(number)
        }
      },
    }),
  })
  let number = 0
  const failed: number[] = []
  const load = new Load(20, async () => {
    const own = ++number
    const answer = await stage.ask(`/?number=${own}`)
    if (answer.status !== 200) failed.push(own)
    return answer
  })
  const resets = Math.max(3, scaled(100))
  for (let count = 0; count < resets; count++) {
    await load.served(100)
    isSpreading = true
    for (const request of onTheWire) exposed.add(request)
    expect(stage.proxy.reset()).toBeGreaterThan(0)
    // The client's sockets learn it when the event loop comes to them; until then they are used.
    await turn()
    await turn()
    isSpreading = false
  }
  await load.served(100)
  await load.stop()
  expect(exposed.size).toBeGreaterThan(0)
  expect(failed.filter((request) => !exposed.has(request))).toEqual([])
  expect(failed.length).toBeLessThanOrEqual(resets * 10)
  record(12, {
    measured: failed.length,
    figure: exposed.size,
    unit: `errors in ${resets} resets, of so many queries on the wire`,
    met: true,
  })
})
