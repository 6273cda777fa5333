import type { Surroundings } from './surroundings.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * Runs `fn` with a signal that aborts at the first Ctrl-C, or SIGTERM. The second has its usual effect, and ends the
 * process at once.
 */
export async function interruptible<T>(
  { signals, stderr }: Surroundings,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const ignore = () => {
    for (const name of SIGNALS) signals.off(name, interrupt)
  }
  const interrupt = () => {
    ignore()
    stderr.write(
      'Interrupted: no further shard begins, and what runs is finished. Once more ends it at once.\n',
    )
    controller.abort()
  }
  for (const name of SIGNALS) signals.once(name, interrupt)
  try {
    return await fn(controller.signal)
  } finally {
    ignore()
  }
}
