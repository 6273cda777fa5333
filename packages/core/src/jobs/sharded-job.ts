import { currentBinding } from '../scope/scope-storage.ts'
import type { Scopes } from '../scope/scopes.ts'
import { assertFunctions } from './assert-functions.ts'
import type { AnyFunction } from './job-api.ts'
import { jobName } from './job-name.ts'
import { jobTarget } from './job-target.ts'
import { locateJob } from './locate-job.ts'
import { runJob } from './run-job.ts'
import { withShapeOf } from './with-shape-of.ts'

/** {@link JobApi.shardedJob} for the Sharding that `find` names when the job comes. */
export function createShardedJob(
  find: () => Scopes,
  identify: AnyFunction,
  handler: AnyFunction,
): AnyFunction {
  assertFunctions({ identify, handler })

  async function job(this: never, ...args: never[]): Promise<unknown> {
    const [scopes, around] = [find(), currentBinding()]
    const target = jobTarget(await Reflect.apply(identify, this, args))
    const value = await locateJob(scopes, target, around)
    const fn = () => Reflect.apply(handler, this, args)
    return runJob(scopes, value, target, { fn, describe: () => jobName(args, handler) })
  }
  return withShapeOf(job, identify, handler)
}
