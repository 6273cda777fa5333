import type { HostApp, HostRequest } from '@sherd/conformance'
import type { RequestOptions } from '@sherd/core/adapter'

type HostOptions = NonNullable<HostApp['options']>

/** The contract's options for a framework with requests of its own: its functions get the contract's. */
export function optionsFor<R>(
  { sharding, tenant, skip, perRequest, readFromReplicas, ...plain }: HostOptions,
  requestOf: (req: R) => HostRequest,
): RequestOptions<R> {
  const sources = [tenant ?? []].flat().map((source) => {
    return typeof source === 'function' ? (req: R) => source(requestOf(req)) : source
  })
  return {
    sharding,
    ...plain,
    ...(tenant === undefined ? {} : { tenant: sources }),
    ...(skip === undefined
      ? {}
      : { skip: typeof skip === 'function' ? (req: R) => skip(requestOf(req)) : skip }),
    ...(readFromReplicas === undefined ? {} : { readFromReplicas: readsFor(readFromReplicas, requestOf) }),
    ...(perRequest === undefined
      ? {}
      : { perRequest: (req: R) => perRequest(requestOf(req)) as RequestOptions<R> | undefined }),
  }
}

function readsFor<R>(
  reads: NonNullable<HostOptions['readFromReplicas']>,
  requestOf: (req: R) => HostRequest,
): NonNullable<RequestOptions<R>['readFromReplicas']> {
  if (typeof reads === 'boolean') return reads
  const { store, ...plain } = reads
  if (store === undefined) return plain
  return {
    ...plain,
    store: {
      lastWrite: (req, shard) => store.lastWrite(requestOf(req), shard),
      wrote: (req, ...written) => store.wrote(requestOf(req), ...written),
    },
  }
}
