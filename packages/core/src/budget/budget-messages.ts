/** Marks the messages among those that an application sends on the same channel. */
export const BUDGET_MESSAGE = 'sherd:budgets:1'

/** What the budgets of a Sharding are, by name: repeated until all of them are granted. */
export interface JoinMessage {
  readonly type: typeof BUDGET_MESSAGE
  readonly kind: 'join'
  /** The Sharding: no other of any process has the same. */
  readonly member: string
  readonly totals: Readonly<Record<string, number>>
}

/** Under the grant of that round, the member has so many connections, and opens none beyond what it was granted. */
export interface HeldMessage {
  readonly type: typeof BUDGET_MESSAGE
  readonly kind: 'held'
  readonly member: string
  readonly budget: string
  readonly round: number
  readonly held: number
}

/** Nothing of the member's is open any more, nor will be. */
export interface LeftMessage {
  readonly type: typeof BUDGET_MESSAGE
  readonly kind: 'left'
  readonly member: string
}

export type MemberMessage = JoinMessage | HeldMessage | LeftMessage

/** How many connections a member may have from now on. One of an earlier round that comes late says nothing. */
export interface GrantMessage {
  readonly type: typeof BUDGET_MESSAGE
  readonly kind: 'grant'
  readonly member: string
  readonly budget: string
  readonly round: number
  readonly granted: number
  /** Among how many the budget is divided. */
  readonly workers: number
}

/** Whether something that came from a process is one of our messages. */
export function isMemberMessage(value: unknown): value is MemberMessage {
  return isOurs(value) && (value.kind === 'join' || value.kind === 'held' || value.kind === 'left')
}

export function isGrantMessage(value: unknown): value is GrantMessage {
  return isOurs(value) && value.kind === 'grant'
}

function isOurs(value: unknown): value is { readonly kind: unknown } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === BUDGET_MESSAGE
}
