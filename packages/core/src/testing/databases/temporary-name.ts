import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** What the names of all temporary databases begin with. */
export const PREFIX = 'sherd_test_'

/** Who cannot be asked whether they still live, on other machines, have had their time after this. */
const LONGEST_MS = 24 * 60 * 60 * 1000

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 6)

/** `sherd_test_<machine>_<process>_<seconds>_<random>`: whoever finds it knows whose it is, and since when. */
export function temporaryName(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(36)
  return `${PREFIX}${HOST}_${process.pid}_${seconds}_${randomBytes(4).toString('hex')}`
}

/** Whether nobody needs it any more: its process has ended, or it is a day old. False for what is no such name. */
export function isStale(name: string): boolean {
  const [, host, pid, seconds] = /^sherd_test_([0-9a-f]{6})_(\d+)_([0-9a-z]+)_[0-9a-f]{8}$/.exec(name) ?? []
  if (host === undefined || pid === undefined || seconds === undefined) return false
  if (Date.now() - Number.parseInt(seconds, 36) * 1000 > LONGEST_MS) return true
  return host === HOST && !isAlive(Number(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is there, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
