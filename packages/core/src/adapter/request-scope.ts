import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import type { WriteLog } from '../scope/write-log.ts'
import { BoundShard } from './bound-shard.ts'
import { requestIdOf } from './request-id.ts'
import { requestName } from './request-name.ts'
import type { RequestParts, RequestShard } from './request-options.ts'
import type { RequestPlan } from './request-plan.ts'

/** One request's scope and lease, from the moment it is known where it belongs. */
export class RequestScope {
  readonly binding: Binding<OpenScope>
  readonly shard: RequestShard
  readonly #plan: RequestPlan<never>
  /** Not when a middleware around has brought it: then that one sees to its end. */
  readonly #ownsLease: boolean
  #isPreparing = false

  constructor(
    plan: RequestPlan<never>,
    value: Scope,
    around: Binding<OpenScope> | undefined,
    parts: RequestParts,
    log: WriteLog | undefined,
  ) {
    const describe = () => requestName(parts, value.tenant)
    const requestId = () => requestIdOf(parts)
    const { allowFanOut } = plan
    const { binding, ownsLease } = plan.parts.scopes.enter(value, around, {
      describe,
      allowFanOut,
      requestId,
      log,
    })
    this.#plan = plan
    this.#ownsLease = ownsLease
    this.binding = binding
    this.shard = new BoundShard(binding, plan.sharding)
    binding.rules.entered()
  }

  /** Takes the connection now, or makes sure that asking for it later is not hopeless. Throws or rejects with 503s. */
  prepare(method: string, hasUnreadBody: boolean): undefined | Promise<void> {
    const { checkout } = this.#plan
    // A preflight is never refused and hardly ever queries.
    if (method === 'OPTIONS') return undefined
    if (checkout === 'lazy' || (checkout === 'auto' && hasUnreadBody)) {
      this.binding.lease.assertAvailable()
      return undefined
    }
    const taken = this.binding.lease.checkout()
    if (taken === undefined) return undefined
    this.#isPreparing = true
    const prepared = () => {
      this.#isPreparing = false
    }
    return taken.then(prepared, (error) => {
      prepared()
      throw error
    })
  }

  /** The answer is complete as far as the application is concerned. */
  answered(): void {
    const { rules } = this.binding
    rules.left()
    if (!this.#ownsLease) return
    rules.detachShared(this.#plan.afterResponse)
    // Somebody else has answered, such as a time limit: there is nothing left to wait for.
    if (this.#isPreparing) this.binding.lease.leaveQueue()
    this.binding.lease.detach(this.#plan.afterResponse)
  }

  /** The client has gone away before the answer was complete. */
  aborted(method: string): void {
    if (!this.#ownsLease) return
    const { lease, rules } = this.binding
    const { onAbort } = this.#plan
    const reason = new DOMException('The client has gone away', 'AbortError')
    rules.life.abort(reason)
    lease.leaveQueue()
    rules.knownSharedPlaces?.leaveQueue()
    if (onAbort === 'cancel' || (onAbort === 'auto' && (method === 'GET' || method === 'HEAD'))) {
      lease.cancelAll(reason)
      rules.knownSharedPlaces?.cancelAll(reason)
      rules.cancelRunning()
    }
    this.answered()
  }

  /** No handler has run or will run in this scope. */
  discard(): void {
    const ended = this.binding.rules.end()
    if (this.#ownsLease) this.binding.lease.end(ended)
  }
}
