import type { Answer, Call, Calls } from './calls.ts'

/** Answers the calls of the process that has forked this one, and ends with it. */
export function serveCalls<C extends Calls<C>>(calls: C): void {
  process.on('message', async ({ id, method, argument }: Call) => {
    const call = calls[method as keyof C] as unknown as (argument: unknown) => Promise<unknown>
    const answer = (message: Answer) => process.send?.(message)
    try {
      answer({ id, result: await call(argument) })
    } catch (error) {
      answer({ id, error: String((error as Error)?.stack ?? error) })
    }
  })
  process.on('disconnect', () => process.exit())
}
