const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export type SignalName = keyof typeof signals

/**
 * Aborts, with the signal's name as its reason, when the process is told to end. Later signals change nothing: Ctrl-C
 * under npm comes twice, from the terminal and from npm.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const name of Object.keys(signals) as SignalName[]) process.on(name, () => controller.abort(name))
  return controller.signal
}

/** What shells have for a process that a signal has ended. */
export function exitCodeOf(signal: AbortSignal): number {
  return signals[signal.reason as SignalName]
}
