import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from './client.ts'

const EVERY_MS = 20
const GIVE_UP_MS = 30_000

/** Milliseconds from now to the end of the first of many requests, sent one after the other, that is served. */
export async function firstSuccess(ask: () => Promise<Answer>): Promise<number> {
  const since = performance.now()
  let served: number | undefined
  while (served === undefined) {
    const elapsed = performance.now() - since
    if (elapsed > GIVE_UP_MS) throw new Error(`nothing was served within ${GIVE_UP_MS} ms`)
    void ask().then(({ status }) => {
      if (status === 200) served ??= performance.now() - since
    })
    await delay(EVERY_MS)
  }
  return served
}
