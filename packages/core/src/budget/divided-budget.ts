import { equalParts } from './equal-parts.ts'

/** How a part stands, for whoever tells its member. */
export interface PartGrant {
  readonly member: string
  readonly round: number
  readonly granted: number
  readonly workers: number
}

export interface DividedBudgetOptions {
  /** Tells a member its part. What becomes of that is told by `confirm`, never before this returns. */
  readonly tell: (grant: PartGrant) => void
}

interface Part {
  /** What the member believes the whole budget to be. */
  total: number
  /** What it was told last that it may have. */
  granted: number
  /** What it has at most, whatever has become of our messages: what still counts of the budget. */
  ceiling: number
  /** Of the last grant. */
  round: number
  confirmedRound: number
  /** How many workers it was told of. */
  workers: number
}

/**
 * One budget, in equal parts for all members.
 *
 * Invariant: the ceilings of all parts together, and what the dead have left behind, are never more than the budget.
 *
 * - A part grows when it is told so: its ceiling is raised before the message is sent, for that may come at any time.
 * - A part shrinks when its member has confirmed that it has no more: its ceiling is lowered then, and never otherwise.
 *   Whatever confirms an earlier grant than the last is out of date and says nothing.
 * - What a member had that died counts until `bury`: its sessions may be there still.
 *
 * So it does not matter which messages are lost, late, or come twice: at worst a part stays smaller than it could be.
 */
export class DividedBudget {
  readonly #tell: DividedBudgetOptions['tell']
  /** In the order in which they joined. */
  readonly #parts = new Map<string, Part>()
  /** Connections that each of the dead may have left behind. */
  readonly #dead = new Map<string, number>()

  constructor({ tell }: DividedBudgetOptions) {
    this.#tell = tell
  }

  /** The least of what members believe it to be: they may have read their configuration at different times. */
  get total(): number {
    return Math.min(...Array.from(this.#parts.values(), ({ total }) => total))
  }

  get workers(): number {
    return this.#parts.size
  }

  /** What members may have, as far as anybody knows, and what the dead have left behind. */
  get committed(): number {
    const living = Array.from(this.#parts.values(), ({ ceiling }) => ceiling)
    return sum(living) + this.left
  }

  /** What the dead have left behind. */
  get left(): number {
    return sum(this.#dead.values())
  }

  /** Whether each has what it should have, and has said so. */
  get isSettled(): boolean {
    return [...this.#parts.values()].every((part) => !isOpen(part))
  }

  join(member: string, total: number): void {
    const found = this.#parts.get(member)
    if (found !== undefined) {
      found.total = total
      this.#send(member, found)
    } else {
      this.#parts.set(member, { total, granted: 0, ceiling: 0, round: 0, confirmedRound: 0, workers: 0 })
    }
    this.#divide()
  }

  confirm(member: string, round: number, held: number): void {
    const part = this.#parts.get(member)
    if (part === undefined || round !== part.round) return
    part.confirmedRound = round
    part.ceiling = Math.min(part.ceiling, Math.max(held, part.granted))
    this.#divide()
  }

  /** A member has given everything back. */
  leave(member: string): void {
    if (this.#parts.delete(member)) this.#divide()
  }

  /** A member is no more. What it had stays taken until it is buried. */
  die(member: string): void {
    const part = this.#parts.get(member)
    if (part === undefined) return
    this.#parts.delete(member)
    this.#dead.set(member, part.ceiling)
    this.#divide()
  }

  /** Nothing of a dead member's is left on the server. */
  bury(member: string): void {
    if (this.#dead.delete(member)) this.#divide()
  }

  /** Tells those once more who have not confirmed: the grant may be lost, or the answer. */
  repeat(): void {
    for (const [member, part] of this.#parts) if (isOpen(part)) this.#send(member, part)
  }

  /** Has everybody told what should be, as far as there is something to give away. */
  #divide(): void {
    if (this.#parts.size === 0) return
    const { total, left } = this
    const parts = [...this.#parts]
    const targets = equalParts(Math.max(0, total - left), parts.length)
    const next = parts.map(([, part], index) => Math.min(part.granted, targets[index] as number))
    let free = total - this.committed
    const grow = (index: number, wanted: number) => {
      // What a member has not given back yet costs nothing to leave with it.
      const counted = Math.max((parts[index] as (typeof parts)[number])[1].ceiling, next[index] as number)
      const reach = Math.min(wanted, counted + Math.max(0, free))
      free -= Math.max(0, reach - counted)
      next[index] = reach
    }
    // One for each that has none goes before more for anybody.
    targets.forEach((target, index) => {
      if (next[index] === 0) grow(index, Math.min(1, target))
    })
    for (const [index, target] of targets.entries()) grow(index, target)
    for (const [index, [member, part]] of parts.entries()) this.#grant(member, part, next[index] as number)
  }

  #grant(member: string, part: Part, granted: number): void {
    if (granted !== part.granted || part.round === 0) {
      part.granted = granted
      part.ceiling = Math.max(part.ceiling, granted)
      part.round++
    } else if (part.workers === this.workers) return
    this.#send(member, part)
  }

  #send(member: string, part: Part): void {
    part.workers = this.workers
    this.#tell({ member, round: part.round, granted: part.granted, workers: part.workers })
  }
}

/** Whether something is to come from the member still. */
function isOpen({ round, confirmedRound, ceiling, granted }: Part): boolean {
  return confirmedRound !== round || ceiling > granted
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
