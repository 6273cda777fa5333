import type { Scope } from '../scope/scope.ts'
import { runBound } from '../scope/scope-storage.ts'
import type { Scopes } from '../scope/scopes.ts'
import type { LocatedJob } from './job-target.ts'
import { runUntilAborted, throwIfAborted } from './run-until-aborted.ts'
import { tellJob } from './tell-job.ts'

export interface Job {
  readonly fn: () => unknown
  /** How reports name it. */
  readonly describe: () => string
}

/** Runs `fn` in a scope of its own, on a lease of its own, whatever scope the caller is in. */
export async function runJob(
  scopes: Scopes,
  value: Scope,
  { parts, signal }: LocatedJob,
  { fn, describe }: Job,
): Promise<unknown> {
  const { binding } = scopes.enter(value, undefined, { ...parts, describe })
  binding.rules.own(binding.lease)
  binding.rules.entered()
  const work = async () => {
    if (parts.checkout !== 'lazy') await binding.lease.checkout()
    // Between the connection's coming and this line nothing else would have stopped it.
    throwIfAborted(signal)
    return await runBound(binding, async () => await fn())
  }
  return tellJob(binding.rules, describe, () => runUntilAborted(binding, signal, work))
}
