import type { Binding } from '../pool/binding.ts'
import type { OpenScope } from '../scope/open-scope.ts'
import type { Scope } from '../scope/scope.ts'
import type { Scopes } from '../scope/scopes.ts'
import type { LocatedJob } from './job-target.ts'

/**
 * The scope that a job runs in. Of the scope around nothing counts but its lock: a worker may have been started, or a
 * job been called, inside of any.
 */
export function locateJob(
  scopes: Scopes,
  { parts }: LocatedJob,
  around: Binding<OpenScope> | undefined,
): Scope | Promise<Scope> {
  return scopes.locate(parts, around?.rules.value.locked ? around : undefined)
}
