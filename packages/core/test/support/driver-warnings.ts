import { onTestFinished } from 'vitest'

/** Warnings of the process since the call, collected until the test has finished: pg warns of overlapping queries. */
export function driverWarnings(): readonly Error[] {
  const warnings: Error[] = []
  const collect = (warning: Error) => void warnings.push(warning)
  process.on('warning', collect)
  onTestFinished(() => void process.off('warning', collect))
  return warnings
}
