import type { GrantMessage, MemberMessage } from './budget-messages.ts'

/** The way from a Sharding to who divides its budgets. */
export interface CoordinatorLink {
  /** May lose messages; delivers none before it returns, and never throws. */
  send(message: MemberMessage): void
  /** Calls `listener` with each grant, those of other members included, until the returned function is called. */
  listen(listener: (message: GrantMessage) => void): () => void
}
