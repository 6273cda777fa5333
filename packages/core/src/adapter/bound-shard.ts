import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import type { ScopeLife } from '../scope/scope-life.ts'
import type { Sharding } from '../sharding.ts'
import type { RequestShard } from './request-options.ts'

/** Where a request is connected, as applications see it. */
export class BoundShard implements RequestShard {
  readonly name: string
  declare readonly tenant?: string
  readonly scope: Scope
  readonly sharding: Sharding
  readonly #life: ScopeLife

  constructor({ rules }: Binding<OpenScope>, sharding: Sharding) {
    const { value } = rules
    this.name = value.shard
    if (value.tenant !== undefined) this.tenant = value.tenant
    this.scope = value
    this.sharding = sharding
    this.#life = rules.life
  }

  get signal(): AbortSignal {
    return this.#life.signal
  }
}
