import {
  CheckoutAbortedError,
  ConnectionLostError,
  LeaseBlockedError,
  LeaseRevokedError,
  QueryTimeoutError,
} from '../errors.ts'

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

export function abortedError(shard: string): CheckoutAbortedError {
  return new CheckoutAbortedError(
    `The client has gone away while a query waited for its turn on the connection to shard "${shard}": it was not sent.`,
    { shard },
  )
}

export function connectionLostError(shard: string, cause: unknown): ConnectionLostError {
  return new ConnectionLostError(
    `The connection to shard "${shard}" was lost. Whether the server has carried out what was on its way is not known.`,
    { shard, cause },
  )
}

export function queryTimeoutError(shard: string, ms: number, cause: unknown): QueryTimeoutError {
  return new QueryTimeoutError(
    `A query on shard "${shard}" took longer than ${ms} ms and was stopped. Make it faster, or raise pool.queryTimeoutMs.`,
    { shard, cause },
  )
}
