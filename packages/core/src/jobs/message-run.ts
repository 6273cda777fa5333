import type { Binding } from '../pool/binding.ts'
import { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import { runBound } from '../scope/scope-storage.ts'
import type { Scopes } from '../scope/scopes.ts'
import type { BatchOutcome } from './batch-outcome.ts'
import { runUntilAborted } from './run-until-aborted.ts'
import { tellJob } from './tell-job.ts'

/** On whose lease a message runs, and how events name it. */
export interface MessageHost {
  readonly holder: Binding<OpenScope>
  readonly describe: () => string
}

/** One message on its way through a batch. */
export class MessageRun {
  readonly message: unknown
  readonly #handle: () => unknown
  outcome: BatchOutcome<unknown, unknown> | undefined
  signal: AbortSignal | undefined

  constructor(message: unknown, handle: () => unknown) {
    this.message = message
    this.#handle = handle
  }

  fail(reason: unknown): void {
    this.outcome = { status: 'rejected', message: this.message, reason }
  }

  /** Calls the handler, in a scope with a life of its own, on the lease that `holder` holds. Never rejects. */
  async run(scopes: Scopes, scope: Scope, { holder, describe }: MessageHost): Promise<void> {
    const { endpoint, hasReplicas } = holder.rules
    const binding = holder.withRules(new OpenScope(scope, endpoint, scopes, undefined, { hasReplicas }))
    try {
      const work = () => runBound(binding, async () => await this.#handle())
      binding.rules.entered()
      const value = await tellJob(binding.rules, describe, () => runUntilAborted(binding, this.signal, work))
      this.outcome = { status: 'fulfilled', message: this.message, value }
    } catch (error) {
      this.fail(error)
    }
  }
}
