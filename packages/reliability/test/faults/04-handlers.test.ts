import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { LeaseLeakedMessage, LeaseRecoveredMessage } from '@sherd/core'
import { bound } from '@sherd/local-servers/test-scale'
import { expect, onTestFinished, vi } from 'vitest'
import { record } from '../../src/record.ts'
import { test } from './support/fault-test.ts'

/** What is published on a channel until the current test has finished. */
function messagesOf<T>(channel: string): T[] {
  const messages: T[] = []
  const listen = (message: unknown) => void messages.push(message as T)
  subscribe(channel, listen)
  onTestFinished(() => void unsubscribe(channel, listen))
  return messages
}

for (const framework of ['Express', 'Fastify'] as const) {
  test(`fault 4: handlers that hang are reported as leaks with their route, and as recovered when their clients leave (${framework})`, async ({
    set,
  }) => {
    const leaked = messagesOf<LeaseLeakedMessage>('sherd:lease:leaked')
    const recovered = messagesOf<LeaseRecoveredMessage>('sherd:lease:recovered')
    const stage = await set({
      framework,
      pool: { max: 3, leakThresholdMs: 100 },
      routes: (db) => ({
        '/hang': () => db.raw('select 1').then(() => new Promise(() => {})),
        '/': async () => (await db.raw('select 1 as one')).rows[0].one,
      }),
    })
    const leaving = new AbortController()
    const hanging = Array.from({ length: 3 }, () => stage.ask('/hang', { signal: leaving.signal }))
    await vi.waitFor(() => expect(leaked).toHaveLength(3), { timeout: bound(500) })
    for (const { shard, role, holder, heldMs } of leaked) {
      expect({ shard, role, holder }).toEqual({ shard: 'shard_0', role: 'writing', holder: 'GET /hang' })
      expect(heldMs).toBeGreaterThanOrEqual(100)
    }
    expect(recovered).toEqual([])
    leaving.abort()
    await Promise.all(hanging)
    await vi.waitFor(() => expect(recovered).toHaveLength(3), { timeout: bound(500) })
    expect(new Set(recovered.map(({ holder }) => holder))).toEqual(new Set(['GET /hang']))
    expect((await stage.ask('/')).status).toBe(200)
    expect(leaked).toHaveLength(3)
    record(4, {
      name: framework,
      measured: recovered.length,
      figure: leaked.length,
      unit: 'recovered of those that leaked',
      met: true,
    })
  })
}
