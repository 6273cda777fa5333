import type { BudgetCoordinator } from './budget-coordinator.ts'
import type { GrantMessage } from './budget-messages.ts'
import type { CoordinatorLink } from './coordinator-link.ts'

/** For a Sharding beside the coordinator, such as one of a cluster's primary: its connections count like all others. */
export function localLink(coordinator: BudgetCoordinator): CoordinatorLink {
  let listener: ((message: GrantMessage) => void) | undefined
  const connection = coordinator.connect((message) => queueMicrotask(() => listener?.(message)))
  return {
    send: (message) => queueMicrotask(() => connection.receive(message)),
    listen(called) {
      listener = called
      return () => {
        listener = undefined
      }
    },
  }
}
