import { getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads'
import type { BudgetCoordinator } from './budget-coordinator.ts'

/** Processes inherit it, and find their parent's id in it; grandchildren find somebody else's. */
const VARIABLE = 'SHERD_BUDGET_COORDINATOR'

/** Threads inherit it, however deep (https://nodejs.org/api/worker_threads.html#workersetenvironmentdatakey-value). */
const DATA = 'sherd.budget-coordinator'

const KEY = Symbol.for('sherd.budget-coordinator')

/** Anchored globally, so that two copies of this package agree. */
const anchor = globalThis as { [KEY]?: BudgetCoordinator | undefined }

/** Tells this process, and all processes and threads that it starts from now on, who divides budgets. */
export function announce(coordinator: BudgetCoordinator): void {
  anchor[KEY] = coordinator
  process.env[VARIABLE] = String(process.pid)
  setEnvironmentData(DATA, threadId)
}

/** For those that are started from now on. */
export function withdraw(): void {
  anchor[KEY] = undefined
  delete process.env[VARIABLE]
  setEnvironmentData(DATA, undefined)
}

/** The coordinator of this very thread. */
export function ownCoordinator(): BudgetCoordinator | undefined {
  return anchor[KEY]
}

/** The thread of this process in which budgets are divided, as it was told to this one when it began. */
export function announcedThread(): number | undefined {
  return getEnvironmentData(DATA) as number | undefined
}

/** Whether the process that has started this one divides budgets. */
export function isAnnouncedByParent(): boolean {
  return process.env[VARIABLE] === String(process.ppid)
}
