import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from './client.ts'

export interface ArrivalOptions {
  readonly perSecond: number
  readonly seconds: number
  readonly ask: () => Promise<Answer>
}

const STEP_MS = 5

/** Requests that come at their own pace, whether those before them are answered or not. @returns all answers */
export async function arriving({ perSecond, seconds, ask }: ArrivalOptions): Promise<Answer[]> {
  const answers: Promise<Answer>[] = []
  const since = performance.now()
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - since) / 1000) {
    while (answers.length < elapsed * perSecond) answers.push(ask())
    await delay(STEP_MS)
  }
  return Promise.all(answers)
}
