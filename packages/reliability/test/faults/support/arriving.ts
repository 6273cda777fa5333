import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from './client.ts'

export interface ArrivalOptions {
  readonly perSecond: number
  readonly seconds: number
  /** Before them, at the same pace; what is asked then is not returned. */
  readonly warmUpSeconds?: number
  readonly ask: () => Promise<Answer>
}

const STEP_MS = 5

/** Requests that come at their own pace, whether those before them are answered or not. @returns their answers */
export async function arriving({
  perSecond,
  seconds,
  warmUpSeconds = 0,
  ask,
}: ArrivalOptions): Promise<Answer[]> {
  const answers: Promise<Answer>[] = []
  const since = performance.now()
  for (let elapsed = 0; elapsed < warmUpSeconds + seconds; elapsed = (performance.now() - since) / 1000) {
    while (answers.length < elapsed * perSecond) answers.push(ask())
    await delay(STEP_MS)
  }
  return (await Promise.all(answers)).slice(Math.round(warmUpSeconds * perSecond))
}
