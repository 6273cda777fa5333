import type { ChildProcess } from 'node:child_process'
import cluster, { type Worker as ClusterWorker } from 'node:cluster'
import { isMainThread, type MessagePort } from 'node:worker_threads'
import { announce, isAnnouncedByParent, ownCoordinator, withdraw } from '../budget/announcement.ts'
import {
  BudgetCoordinator,
  type BudgetShortage,
  type CoordinatedBudget,
} from '../budget/budget-coordinator.ts'
import { isMemberMessage } from '../budget/budget-messages.ts'
import { isConnectMessage } from '../budget/thread-link.ts'
import { systemClock } from '../util/clock.ts'
import { Deadlines } from '../util/deadlines.ts'
import { PoolReport } from './pool-report.ts'

export interface ShareBudgetsOptions {
  /**
   * Milliseconds from the death of a worker until others get what it had. The sessions of a process that was killed go on
   * until the server notices: at once where they are idle, at the end of their query where they are not. 0 waits for
   * nothing.
   *
   * @default 5000
   */
  readonly graceMs?: number
}

/** The budgets that are divided among the workers of this process. */
export interface SharedConnectionBudgets extends Disposable {
  /**
   * Gives a process its share that was started by `fork` of `node:child_process`. Those of `node:cluster` have theirs
   * without it, and so have worker threads.
   */
  add(child: ChildProcess): void
  /** How each budget is divided at this moment, by `host:port`; those that no worker has are left out. */
  stats(): Readonly<Record<string, CoordinatedBudget>>
  /** Divides nothing any more: workers keep what they have. Idempotent. */
  close(): void
}

const GRACE_MS = 5000

/**
 * Divides the `maxConnections` of each server among the workers that this process starts from now on: of `node:cluster`,
 * worker threads, and children that are given to `add`. All have the same part, also of what they leave behind when they
 * die. A Sharding of this process itself counts as one more. Called once, in the primary, before workers are started and
 * before `createSharding()`.
 *
 * @throws Error in a worker, and where budgets are shared already; TypeError for a grace time that cannot be
 */
export function shareConnectionBudgets({
  graceMs = GRACE_MS,
}: ShareBudgetsOptions = {}): SharedConnectionBudgets {
  if (!(graceMs >= 0)) throw new TypeError(`graceMs must be 0 or more milliseconds, not ${graceMs}.`)
  if (cluster.isWorker || !isMainThread || isAnnouncedByParent()) {
    throw new Error(
      'shareConnectionBudgets() is for the primary, which starts the workers: this is one of them. Its Shardings get ' +
        'their share by themselves.',
    )
  }
  if (ownCoordinator() !== undefined) throw new Error('This process shares its budgets already.')
  const coordinator = new BudgetCoordinator({
    clock: systemClock,
    deadlines: new Deadlines(systemClock),
    graceMs,
    onShortage: warnOfShortage,
  })
  const report = new PoolReport()
  const add = (child: ChildProcess) => connectChild(coordinator, child)
  const forked = ({ process: child }: ClusterWorker) => {
    report.forking()
    add(child)
  }
  const threadCalled = (message: unknown) => {
    if (isConnectMessage(message)) connectThread(coordinator, message.port)
  }
  const close = () => {
    if (ownCoordinator() !== coordinator) return
    withdraw()
    cluster.off('fork', forked)
    process.off('workerMessage', threadCalled)
  }
  cluster.on('fork', forked)
  process.on('workerMessage', threadCalled)
  announce(coordinator)
  return { add, stats: () => coordinator.stats(), close, [Symbol.dispose]: close }
}

function connectChild(coordinator: BudgetCoordinator, child: ChildProcess): void {
  const connection = coordinator.connect((message) => {
    // With a callback a channel that has closed throws nothing: the child's end is told by `exit`.
    if (child.connected) child.send(message, () => {})
  })
  child.on('message', (message) => {
    if (isMemberMessage(message)) connection.receive(message)
  })
  // Not `disconnect`: a process without a channel has its connections still.
  child.once('exit', () => connection.lost())
}

function connectThread(coordinator: BudgetCoordinator, port: MessagePort): void {
  const connection = coordinator.connect((message) => port.postMessage(message))
  port.on('message', (message) => {
    if (isMemberMessage(message)) connection.receive(message)
  })
  port.once('close', () => connection.lost())
  port.unref()
}

function warnOfShortage({ budget, maxConnections, workers }: BudgetShortage): void {
  process.emitWarning(
    `${workers} workers share servers["${budget}"].maxConnections, which is ${maxConnections}: each needs one at least, and ` +
      `${workers - maxConnections} of them can reach that server only when others are gone. Start fewer workers, or raise it.`,
    { code: 'SHERD_BUDGET_TOO_SMALL' },
  )
}
