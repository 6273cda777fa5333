/** Nanoseconds of processor that one of `count` takes, done over and over for about `ms`. */
export async function timed(ms: number, count: number, work: () => unknown): Promise<number> {
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  let done = 0
  do {
    await work()
    done += count
  } while (performance.now() - startedAt < ms)
  const { user, system } = process.cpuUsage(cpu)
  return ((user + system) * 1000) / done
}
