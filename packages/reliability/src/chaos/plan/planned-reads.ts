import { type PlannedRequest, plannedRequest } from './planned-request.ts'

/** Of the requests from `from` on, the reads of one shard by clients that stay. */
export function* plannedReads(
  seed: number,
  { from, shard }: { from: number; shard: string },
): Generator<PlannedRequest, never> {
  for (let id = from; ; id++) {
    const plan = plannedRequest(seed, id)
    if (plan.shard === shard && plan.kind === 'read' && plan.abort === null) yield plan
  }
}
