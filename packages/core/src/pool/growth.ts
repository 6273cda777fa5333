import type { PoolConfig } from '../config/resolved-config.ts'
import type { ConnectFailure, Connector } from './connector.ts'
import type { Gate } from './gate.ts'
import type { Liveness } from './liveness.ts'
import type { Members } from './members.ts'
import type { Places } from './places.ts'
import type { PoolLife } from './pool-life.ts'
import type { WaitingRoom } from './waiting-room.ts'

export interface GrowthOptions<R> {
  readonly limits: PoolConfig
  readonly gate: Gate
  readonly life: PoolLife
  readonly members: Members<R>
  readonly waiting: WaitingRoom<R>
  readonly liveness: Liveness<R>
  readonly connector: Connector<R>
  readonly places: Places<R>
}

/** How many resources have to be opened: one for each caller for whom none is on its way, and what `min` lacks. */
export class Growth<R> {
  readonly #options: GrowthOptions<R>
  #keepsMin = false

  constructor(options: GrowthOptions<R>) {
    this.#options = options
  }

  /** Somebody has asked: before that a pool costs nothing, whatever its `min`. */
  begin(): void {
    this.#keepsMin = true
  }

  /** Keeps nothing open before somebody asks again. */
  end(): void {
    this.#keepsMin = false
  }

  /** Whether somebody waits for a resource that could be opened if there were room. */
  get isWanted(): boolean {
    const { life, gate, connector, places } = this.#options
    if (places.isWanted) return true
    return life.isOpen && gate.isOpen && !connector.isResting && this.#missing > 0
  }

  /** The last failure, when nothing is open or being opened, and it is too early for the next attempt. */
  get hopelessness(): ConnectFailure | undefined {
    const { life, members, connector } = this.#options
    const { isResting, pending, lastFailure } = connector
    const hasHope = !isResting || !life.isOpen || members.size + pending > 0
    return hasHope ? undefined : lastFailure
  }

  /** Begins the attempts that are missing, as many as may be begun. */
  grow(): void {
    const { limits, life, members, connector, places } = this.#options
    const { free } = places
    if (free <= 0) return
    const { pending } = connector
    const forCallers = this.#missing
    const keepsMin = this.#keepsMin && !life.isRetired
    const forMin = keepsMin ? limits.min - members.size : 0
    const wanted = Math.max(forCallers, Math.min(forMin - pending, free))
    connector.open(wanted, () => places.budget.take(connector.pending - pending < forCallers))
  }

  /** Attempts for each who may have a resource and for whom none is on its way. */
  get #missing(): number {
    const { waiting, liveness, connector, places } = this.#options
    if (waiting.size === 0) return -connector.pending
    const { room } = places
    const { expected } = liveness
    return Math.min(waiting.eligible(room + expected) - expected, room) - connector.pending
  }
}
