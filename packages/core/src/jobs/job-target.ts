import { TenantMissingError } from '../errors.ts'
import { targetParts } from '../scope/next-scope.ts'
import type { ScopeToken, TargetParts, TenantId } from '../scope/scope.ts'
import { isToken, tokenTarget } from '../scope/scope-token.ts'
import { normalizeTenantId } from '../util/tenant-id.ts'

/** Where a job runs, beyond its tenant's id; a tenant or a shard has to be named. */
export interface JobTarget extends Omit<TargetParts, 'tenant' | 'separate'> {
  /** As it comes out of the job: without one, the job is refused. */
  readonly tenant?: TenantId | null | undefined
  /**
   * Ends the job when it aborts: the handler's scope is over, the query that runs is stopped on the server, open
   * transactions are rolled back, connections go back, and the job rejects with JobAbortedError.
   */
  readonly signal?: AbortSignal | undefined
  /** A job has a connection of its own anyway. */
  readonly separate?: never
}

/** Where a message of a batch runs. The connection is the batch's, so there is nothing to say about taking one. */
export interface MessageTarget extends Omit<JobTarget, 'checkout' | 'checkoutTimeoutMs'> {
  readonly checkout?: never
  readonly checkoutTimeoutMs?: never
}

/** What a job or message can be identified by: a tenant's id, a target, or what `captureScope()` returned. */
export type Identified<T = JobTarget> =
  | TenantId
  | T
  | (ScopeToken & { readonly signal?: AbortSignal | undefined })
  | null
  | undefined

export interface LocatedJob {
  readonly parts: TargetParts
  readonly signal: AbortSignal | undefined
}

/**
 * Judges what `identify` returned. A job begins afresh, whatever runs around it: to write, unless it says otherwise.
 *
 * @throws TenantMissingError, TenantInvalidError, or TypeError for a target or token that is none
 */
export function jobTarget(identified: unknown): LocatedJob {
  if (identified === undefined || identified === null) throw missingError()
  if (typeof identified !== 'object' || Array.isArray(identified)) {
    return { parts: { ...AFRESH, tenant: normalizeTenantId(identified) }, signal: undefined }
  }
  const { signal, ...target } = identified as JobTarget
  if (signal !== undefined && !isSignal(signal)) throw new TypeError("A job's signal is an AbortSignal.")
  if (isToken(target)) return { parts: tokenTarget(target), signal }
  // `{ shard, tenant: job.data.tenant }` with nothing there is a mistake, and no job for the whole shard.
  const place = Object.hasOwn(target, 'tenant') ? target.tenant : target.shard
  if (place === undefined || place === null) throw missingError()
  return { parts: { ...AFRESH, ...targetParts(target as TargetParts, 'A job') }, signal }
}

const AFRESH = { role: 'writing', preventWrites: false } as const

function missingError(): TenantMissingError {
  return new TenantMissingError(
    'The job names no tenant: identify() returned nothing, or nothing in which a tenant or a shard is named. It was not run.',
  )
}

/** By its shape: queues that support old versions of Node bring a class of their own. */
function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof (value as AbortSignal).addEventListener === 'function'
  )
}
