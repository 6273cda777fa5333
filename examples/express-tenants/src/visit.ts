import type { Sharding } from '@sherd/core'
import type { PostgresServer } from '@sherd/local-servers'
import { type Answer, ask, type Question } from './ask.ts'
import { check } from './check.ts'
import { printAnswer } from './print.ts'

/** What the tour goes to see. */
export interface Tour {
  /** Where the application listens. */
  readonly url: string
  readonly sharding: Sharding
  /** The database server that has shard_2. */
  readonly secondServer: PostgresServer
  /** Aborts when the tour is to end early. */
  readonly signal: AbortSignal
}

export async function askAndPrint({ url, signal }: Tour, question: Question): Promise<Answer> {
  const answer = await ask(url, question, signal)
  printAnswer(answer)
  return answer
}

/** The answer, if its status and shard are the expected ones. */
export async function askAndCheck(
  tour: Tour,
  question: Question,
  expected: { status: number; shard?: string | undefined },
): Promise<Answer> {
  const answer = await askAndPrint(tour, question)
  const { tenant = 'nobody', method = 'GET', path } = question
  const asked = `${method} ${path} of ${tenant}`
  check(`The status of ${asked}`, answer.status, expected.status)
  check(`The shard of ${asked}`, answer.body.shard, expected.shard)
  return answer
}
