interface Job {
  readonly name?: unknown
  readonly data?: unknown
  readonly topic?: unknown
  readonly batch?: { readonly topic?: unknown }
}

/**
 * How reports name a job, from what its handler was called with: a job of BullMQ has a name, pg-boss brings a list of
 * such, a message of kafkajs has a topic, in a batch or not. Else the handler's own name has to do.
 */
export function jobName(args: readonly unknown[], handler: { readonly name: string }): string {
  const [first] = args
  const job = (Array.isArray(first) ? first[0] : first) as Job | null | undefined
  // A name beside other fields than the data of a job could be anybody's.
  const name = job?.data === undefined ? undefined : job.name
  const found = [name, job?.topic, job?.batch?.topic].find((text) => typeof text === 'string' && text !== '')
  return `job ${String(found ?? (handler.name || '(anonymous)'))}`
}
