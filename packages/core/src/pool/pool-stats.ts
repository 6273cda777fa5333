/** What one pool holds at this moment. */
export interface PoolStats {
  /** Open connections: `active` and `idle` together. */
  readonly total: number
  /** Lent, or being brought back to the session's baseline after a lease. */
  readonly active: number
  /** Clean and free. */
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
  readonly max: number
  /** `active` of `max`, in per cent with two decimals. */
  readonly utilization: number
}

/** What a shard's pools of one role hold at this moment. */
export interface RoleStats extends PoolStats {
  /** Times a query that came after its response took a connection of its own, since the start. */
  readonly detachedCount: number
}

export function utilization(active: number, max: number): number {
  return Math.round((active / max) * 10_000) / 100
}

export function unusedStats(max: number): RoleStats {
  return { total: 0, active: 0, idle: 0, waiting: 0, max, utilization: 0, detachedCount: 0 }
}

export function addPoolStats(a: PoolStats, b: PoolStats): PoolStats {
  const active = a.active + b.active
  const max = a.max + b.max
  return {
    total: a.total + b.total,
    active,
    idle: a.idle + b.idle,
    waiting: a.waiting + b.waiting,
    max,
    utilization: utilization(active, max),
  }
}

export function addStats(a: RoleStats, b: RoleStats): RoleStats {
  return { ...addPoolStats(a, b), detachedCount: a.detachedCount + b.detachedCount }
}
