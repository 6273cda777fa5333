export type { CoordinatedBudget } from '../budget/budget-coordinator.ts'
export { beforeExit } from './before-exit.ts'
export { beforeFork } from './before-fork.ts'
export { type BootOptions, onBoot } from './on-boot.ts'
export type { OpenConnections } from './open-connections.ts'
export {
  type ShareBudgetsOptions,
  type SharedConnectionBudgets,
  shareConnectionBudgets,
} from './share-connection-budgets.ts'
