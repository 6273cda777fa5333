import { CheckoutAbortedError, LeaseBlockedError, LeaseRevokedError } from '../errors.ts'

// What users of a lease are told.

export function revokedError(shard: string): LeaseRevokedError {
  return new LeaseRevokedError(
    `The response has been sent and the connection to shard "${shard}" was taken back. Finish the queries before ` +
      'answering, or run them in a scope of their own with connectedTo().',
    { shard },
  )
}

export function cannotReleaseError(shard: string, holder: string): LeaseBlockedError {
  return new LeaseBlockedError(
    `The connection to shard "${shard}" cannot be handed back: it is kept by ${holder}. End that first.`,
    { shard },
  )
}

export function leftQueueError(shard: string): CheckoutAbortedError {
  return new CheckoutAbortedError(`Nobody waits for this connection to shard "${shard}" any more.`, { shard })
}
