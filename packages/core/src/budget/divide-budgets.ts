import cluster from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { isMainThread } from 'node:worker_threads'
import { type DivideBudgets, type DivisibleBudget, divideByHand } from '../pool/budget-division.ts'
import type { Clock } from '../util/clock.ts'
import type { Deadlines } from '../util/deadlines.ts'
import { type BudgetChange, BudgetMember } from './budget-member.ts'
import type { CoordinatorLink } from './coordinator-link.ts'
import { findCoordinator } from './find-coordinator.ts'

export interface DivisionOptions {
  /** Among how many processes the configuration divides each budget; null where it does not. */
  readonly workers: number | null
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly onChanged: (change: BudgetChange) => void
}

/**
 * How the budgets of a Sharding are divided: by the coordinator, where this process was started by one; else by hand; else
 * not at all.
 *
 * Where there is a coordinator nothing but what it grants is ever used, also when it says nothing: others may have been
 * granted all of it, and a part taken by oneself would come on top.
 */
export function divisionOf(options: DivisionOptions): DivideBudgets {
  return (budgets) => {
    const { workers } = options
    if (budgets.length === 0) return divideByHand(1)(budgets)
    const link = findCoordinator()
    if (link === undefined) {
      if (workers === null && (cluster.isWorker || !isMainThread)) warnOfWholeBudgets(budgets)
      return divideByHand(workers ?? 1)(budgets)
    }
    const isInReach = link !== 'out of reach'
    if (!isInReach) warnOfNoReach(budgets)
    return new BudgetMember({
      ...options,
      id: randomUUID(),
      budgets,
      link: isInReach ? link : NOWHERE,
      onSilence: () => isInReach && warnOfSilence(budgets),
    })
  }
}

const NOWHERE: CoordinatorLink = { send() {}, listen: () => () => {} }

function warnOfWholeBudgets(budgets: readonly DivisibleBudget[]): void {
  process.emitWarning(
    `This is one worker among others, and takes all of ${settings(budgets)} for itself, as each of them does. Call ` +
      'shareConnectionBudgets() of @sherd/core/processes before workers are started, or set `workers` to how many there are.',
    { code: 'SHERD_BUDGET_NOT_DIVIDED' },
  )
}

function warnOfSilence(budgets: readonly DivisibleBudget[]): void {
  process.emitWarning(
    `Nobody answers who divides ${settings(budgets)} among workers: no connection is opened before that. A child made ` +
      'by fork() of node:child_process has to be given to add() of what shareConnectionBudgets() returns.',
    { code: 'SHERD_BUDGET_COORDINATOR_SILENT' },
  )
}

function warnOfNoReach(budgets: readonly DivisibleBudget[]): void {
  process.emitWarning(
    `${settings(budgets)} is divided by this process's parent, which cannot be reached from here, be it because the channel ` +
      'is closed or because this is a thread: no connection is opened. Use the databases from the main thread of workers.',
    { code: 'SHERD_BUDGET_OUT_OF_REACH' },
  )
}

function settings(budgets: readonly DivisibleBudget[]): string {
  return budgets.map(({ name }) => `servers["${name}"].maxConnections`).join(', ')
}
