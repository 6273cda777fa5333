import type { Output } from './surroundings.ts'

/**
 * Standard output for the answer alone: what the application's modules and migrations print goes to standard error from
 * now on, so that a document stays one, and a shard's name a shard's name.
 */
export function claimStdout({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): Output {
  const write = stdout.write.bind(stdout)
  stdout.write = stderr.write.bind(stderr)
  const { isTTY, columns } = stdout
  return { write: (text) => write(text), isTTY, columns }
}
