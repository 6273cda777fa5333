import { isMainThread } from 'node:worker_threads'
import { announcedThread, isAnnouncedByParent, ownCoordinator } from './announcement.ts'
import type { CoordinatorLink } from './coordinator-link.ts'
import { localLink } from './local-link.ts'
import { parentLink } from './parent-link.ts'
import { threadLink } from './thread-link.ts'

/** The way to who divides budgets; undefined where nobody does, or somebody who is out of this thread's reach. */
export function findCoordinator(): CoordinatorLink | 'out of reach' | undefined {
  const own = ownCoordinator()
  if (own !== undefined) return localLink(own)
  const thread = announcedThread()
  if (!isMainThread && thread !== undefined) return threadLink(thread)
  // Children that were spawned without a channel, such as tools, are no workers: undefined.
  if (!isAnnouncedByParent() || (isMainThread && process.connected === undefined)) return undefined
  // A worker process has the channel, its threads have not.
  return isMainThread && process.connected ? parentLink() : 'out of reach'
}
