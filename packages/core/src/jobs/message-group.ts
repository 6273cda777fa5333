import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import type { Scopes } from '../scope/scopes.ts'
import type { MessageRun } from './message-run.ts'
import { renewSession } from './renew-session.ts'

interface Placed {
  readonly scope: Scope
  readonly run: MessageRun
}

/** The messages that one connection can serve: those for one shard in one role. They run one after another. */
export class MessageGroup {
  readonly #messages: Placed[] = []
  readonly #describe: () => string

  /** @param describe how reports name the batch */
  constructor(describe: () => string) {
    this.#describe = describe
  }

  add(scope: Scope, run: MessageRun): void {
    this.#messages.push({ scope, run })
  }

  /** Never rejects: each message knows what became of it. */
  async run(scopes: Scopes): Promise<void> {
    let next = 0
    while (next < this.#messages.length) next = await this.#runOnOneConnection(scopes, next)
  }

  /** Returns where to go on when the connection cannot be used any more. */
  async #runOnOneConnection(scopes: Scopes, start: number): Promise<number> {
    const messages = this.#messages.slice(start)
    const [first] = messages as [Placed]
    let holder: Binding<OpenScope> | undefined
    try {
      holder = scopes.enter(first.scope, undefined, { describe: this.#describe }).binding
      const { lease, rules } = holder
      rules.own(lease)
      // Who has been aborted waits for no connection.
      if (!messages.every(({ run }) => run.signal?.aborted)) await lease.checkout()
      for (const [index, { scope, run }] of messages.entries()) {
        await run.run(scopes, scope, { holder, describe: this.#describe })
        const isLast = index === messages.length - 1
        if (!isLast && !(await renewSession(lease))) return start + index + 1
      }
    } catch (error) {
      for (const { run } of messages) run.fail(error)
    } finally {
      holder?.rules.end()
    }
    return this.#messages.length
  }
}
