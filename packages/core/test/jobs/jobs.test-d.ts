import { type BatchOutcome, shardedBatch, shardedJob } from '@sherd/core'
import { expectTypeOf, test } from 'vitest'

interface Job {
  readonly data: { readonly tenant: string }
}
declare function sendReport(job: Job, token?: string, signal?: AbortSignal): Promise<number>
type Processor = (job: Job, token?: string, signal?: AbortSignal) => Promise<unknown>
declare function work(processor: Processor): void

test('parameters come from the handler, and the result from what it returns', () => {
  const job = shardedJob((each) => each.data.tenant, sendReport)
  expectTypeOf(job).parameters.toEqualTypeOf<Parameters<Processor>>()
  expectTypeOf(job).returns.toEqualTypeOf<Promise<number>>()
})

test('parameters come from identify where only that declares them', () => {
  const job = shardedJob(
    (each: Job) => each.data.tenant,
    (each) => each.data.tenant.length,
  )
  expectTypeOf(job).toEqualTypeOf<(each: Job) => Promise<number>>()
})

test('parameters come from where the result goes', () => {
  work(
    shardedJob(
      ({ data: { tenant } }, _token, signal) => ({ tenant, signal }),
      async ({ data }) => data.tenant.length,
    ),
  )
})

test('identify may look at less than the handler does, and the other way round', () => {
  const job = shardedJob(
    (tenant: string) => tenant,
    (_tenant: string, _index: number) => 1n,
  )
  expectTypeOf(job).toEqualTypeOf<(tenant: string, index: number) => Promise<bigint>>()
  const other = shardedJob(
    (_index: number, tenant: string) => tenant,
    (_index: number) => 'done',
  )
  expectTypeOf(other).returns.toEqualTypeOf<Promise<string>>()
})

test('this is what the handler wants', () => {
  const job = shardedJob(
    function (this: { tenant: string }) {
      return this.tenant
    },
    function (this: { tenant: string }) {},
  )
  expectTypeOf(job).thisParameter.toEqualTypeOf<{ tenant: string }>()
})

test('what identifies no job is refused', () => {
  // @ts-expect-error a tenant's id is no boolean
  shardedJob(() => true, sendReport)
  // @ts-expect-error a job's connection is always its own
  shardedJob(() => ({ tenant: 'a', separate: true }), sendReport)
  // @ts-expect-error nor is there such a role
  shardedJob(() => ({ tenant: 'a', role: 'admin' }), sendReport)
  // @ts-expect-error the handler's argument is a job
  shardedJob((job: number) => job, sendReport)
})

test('a batch takes many of what its handler takes one of', async () => {
  const batch = shardedBatch(
    (job: Job) => job.data.tenant,
    async (job: Job, _heartbeat: () => Promise<void>) => job.data.tenant.length,
    { concurrency: 2 },
  )
  expectTypeOf(batch).parameters.toEqualTypeOf<[Iterable<Job>, heartbeat: () => Promise<void>]>()
  expectTypeOf(batch).returns.toEqualTypeOf<Promise<number[]>>()
  expectTypeOf(batch.settled).returns.toEqualTypeOf<Promise<BatchOutcome<Job, number>[]>>()
})

test('a message may be declared by identify alone', () => {
  const batch = shardedBatch(
    (job: Job) => job.data.tenant,
    (job) => job.data.tenant.length,
  )
  expectTypeOf(batch).returns.toEqualTypeOf<Promise<number[]>>()
  expectTypeOf(batch).parameter(0).toEqualTypeOf<Iterable<Job>>()
})

test('a message takes no connection of its own, so it does not say how', () => {
  // @ts-expect-error
  shardedBatch((_job: Job) => ({ tenant: 'a', checkout: 'lazy' }), sendReport)
})

test('a tenant may be missing, for the job to be refused', () => {
  work(
    shardedJob(
      ({ data }: { data: { tenant?: string | null } }) => ({ tenant: data.tenant }),
      () => 'done',
    ),
  )
})
