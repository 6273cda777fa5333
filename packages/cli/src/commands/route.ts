import type { Sharding } from '@sherd/core'
import type { Answer } from '../answer.ts'

export interface RouteOptions {
  readonly explain?: boolean
}

/** On which shard a tenant lives; connects to nothing, except where the application's `lookup` does. */
export async function route(
  sharding: Sharding,
  tenant: string,
  { explain = false }: RouteOptions,
): Promise<Answer> {
  const explanation = await sharding.explain(tenant)
  const { shard, strategy, source, cached } = explanation
  const from = `by the strategy "${strategy}", from ${source}${cached ? ' (remembered)' : ''}`
  return {
    exitCode: 0,
    document: explain ? explanation : { tenant: explanation.tenant, shard },
    text: (style) => (explain ? `${style('bold', shard)}: ${from}` : shard),
  }
}
