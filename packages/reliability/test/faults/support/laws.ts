import { bound } from '@sherd/local-servers/test-scale'
import { expect, vi } from 'vitest'
import type { Stage } from './stage.ts'

/** What holds at the end of every test, whatever went wrong in it. */
export async function expectConserved(stage: Stage): Promise<void> {
  const settled = { timeout: bound(1000), interval: 10 }
  await vi.waitFor(() => {
    for (const { name } of stage.shards) {
      const { active, waiting } = stage.pool(name)
      expect({ shard: name, active, waiting }).toEqual({ shard: name, active: 0, waiting: 0 })
    }
  }, settled)
  for (const { name, proxy, view, isStraight } of stage.shards) {
    // What clients opened and have not closed is what the pool says that it holds.
    await vi.waitFor(async () => {
      const open = isStraight ? (await view.sessions()).length : proxy.connections.open
      expect({ shard: name, open }).toEqual({ shard: name, open: stage.pool(name).total })
    }, settled)
    await vi.waitFor(async () => {
      const sessions = await view.sessions().catch(() => []) // Its server may be down.
      expect(sessions.length, `${name}: sessions`).toBeLessThanOrEqual(stage.pool(name).max)
    }, settled)
  }
}

/** What the process is not to have met, from now on. */
export class ProcessWatch {
  readonly #errors: unknown[] = []
  readonly #note = (error: unknown) => void this.#errors.push(error)
  readonly #handles = keptAlive()

  constructor() {
    process.on('uncaughtExceptionMonitor', this.#note)
    process.on('unhandledRejection', this.#note)
  }

  /** No uncaught error, and no socket that would keep the process alive. */
  async expectNothing(): Promise<void> {
    // A rejection that nobody handles is reported a turn later.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('uncaughtExceptionMonitor', this.#note)
    process.off('unhandledRejection', this.#note)
    expect(this.#errors).toEqual([])
    await vi.waitFor(() => expect(keptAlive()).toEqual(this.#handles), { timeout: 2000 })
  }
}

function keptAlive(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name === 'TCPSocketWrap' || name === 'TCPServerWrap' || name === 'TCPConnectWrap')
    .sort()
}
