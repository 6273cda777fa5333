import type { Answer, Call, Calls } from './calls.ts'

/** Answers the calls of the process that has forked this one. */
export function serveCalls<C extends Calls<C>>(calls: C): void {
  process.on('message', ({ id, method, argument }: Call) => {
    const answer = (message: Answer) => process.send?.(message)
    const call = calls[method as keyof C] as unknown as (argument: unknown) => Promise<unknown>
    call(argument).then(
      (result) => answer({ id, result }),
      (error) => answer({ id, error: String(error?.stack ?? error) }),
    )
  })
}
