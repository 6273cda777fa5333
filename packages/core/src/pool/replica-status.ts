import type { ReplicaFault } from '../diagnostics/replica-events.ts'

/** How a replica stands to the reads, as `stats()` shows it. */
export interface ReplicaStatus {
  /** Whether it takes reads. */
  readonly isAdmitted: boolean
  /** Why not; null while it does, and as long as its lag is being found out for the first time. */
  readonly fault: ReplicaFault | null
  /** Milliseconds that it is behind its primary, at most; null where nobody watches that, or where it is not known. */
  readonly lagMs: number | null
  /** How often it has been left out. */
  readonly ejectedCount: number
}
