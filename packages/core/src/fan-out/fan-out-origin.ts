import { ScopeLockedError } from '../errors.ts'
import type { Binding } from '../pool/binding.ts'
import { nextScope } from '../scope/next-scope.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import type { Scopes } from '../scope/scopes.ts'
import type { FanOutLimits } from './fan-out-options.ts'

/** Where several shards are asked from: what their scopes have of the scope around. */
export interface FanOutOrigin {
  readonly around: Binding<OpenScope> | undefined
  scopeOf(shard: string, limits: FanOutLimits): Scope
}

/** @throws ScopeLockedError in a locked scope, unless its middleware or route allows it */
export function fanOutOrigin(scopes: Scopes, current: Binding<OpenScope> | undefined): FanOutOrigin {
  const around = current?.rules.ended === undefined ? current : undefined
  const isOwn = around?.rules.api === scopes
  if (around?.rules.value.locked && !(isOwn && around.rules.allowsFanOut))
    throw lockedError(around.rules.value)
  const { role, preventWrites } = around?.rules.value ?? {}
  return {
    around,
    scopeOf(shard, limits) {
      // Whose shard it is plays no part: all of a shard is asked, and nothing but that shard.
      const from =
        isOwn && role !== undefined
          ? { shard, role, preventWrites: preventWrites ?? false, locked: false }
          : undefined
      const target = {
        shard,
        lock: true,
        ...(limits.role === undefined ? {} : { role: limits.role }),
        ...(limits.preventWrites === undefined ? {} : { preventWrites: limits.preventWrites }),
      }
      return nextScope(from, target, () => shard) as Scope
    },
  }
}

function lockedError({ shard, tenant }: Scope): ScopeLockedError {
  const here = tenant === undefined ? '' : `tenant "${tenant}" on `
  return new ScopeLockedError(
    `This scope is locked to ${here}shard "${shard}" and may not ask other shards. If this route may see all of them, ` +
      'set allowFanOut for it, or wrap that part in unlocked().',
    { shard },
  )
}
