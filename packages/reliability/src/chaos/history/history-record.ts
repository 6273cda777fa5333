import type { Fault } from '../plan/planned-faults.ts'

/**
 * One observation. All times are milliseconds since 1970, of one machine's clock; `id` is the number of a request.
 * Records come from several processes; only those of one process, and of one session, are in order.
 */
export type HistoryRecord =
  | AnswerRecord
  | StartRecord
  | ReadRecord
  | FaultRecord
  | RowRecord
  | StatementRecord
  | IncidentRecord
  | RestRecord
  | ExitRecord
  | HeapRecord

/** What the client got. */
export interface AnswerRecord {
  readonly t: 'answer'
  readonly id: number
  readonly from: number
  readonly to: number
  /**
   * `answered`: in full. `aborted`: the client left, as planned. `broken`: the connection ended before the answer did.
   * `silent`: no answer within the client's patience.
   */
  readonly outcome: 'answered' | 'aborted' | 'broken' | 'silent'
  readonly status?: number
  /** Of a problem body, or of a socket's error. */
  readonly code?: string
  /** What the answer says it answers. */
  readonly echo?: { readonly id: number; readonly tenant: string }
}

/** What a session carried when the request or job got it, before it did anything. */
export interface StartRecord {
  readonly t: 'start'
  readonly id: number
  /** Setting `app.tenant`; null or empty when nobody has set it. */
  readonly tenant: string | null
  readonly searchPath: string
  readonly hasTempTable: boolean
  /** Undefined where it was not asked for. */
  readonly advisoryLocks?: number
}

/** Whose rows, or whose setting, the code of a request or job read. */
export interface ReadRecord {
  readonly t: 'read'
  readonly id: number
  readonly what: 'rows' | 'setting' | 'temp table'
  readonly tenants: readonly (string | null)[]
  /** The response had ended, or its client had left: the connection, and with it the setting, was given back. */
  readonly isOver: boolean
}

export interface FaultRecord {
  readonly t: 'fault'
  readonly fault: Fault
  readonly shards: readonly string[]
  readonly from: number
  /** When it was healed. */
  readonly to: number
}

/** A written row, as it stands in the database at the end. */
export interface RowRecord {
  readonly t: 'row'
  readonly shard: string
  readonly id: number
  readonly step: number
  readonly tenant: string
  /** The setting `app.tenant` of the session that wrote it. */
  readonly sessionTenant: string | null
}

/** A statement that a server ran, from its log: in order within a session. */
export interface StatementRecord {
  readonly t: 'statement'
  /** Names the session among all of all servers. */
  readonly session: string
  readonly what:
    | { readonly kind: 'owned'; readonly owner: string }
    | { readonly kind: 'reset' }
    | { readonly kind: 'failed reset' }
}

export interface IncidentRecord {
  readonly t: 'incident'
  readonly process: string
  readonly what: 'uncaught exception' | 'unhandled rejection' | 'warning'
  readonly message: string
}

/** What a host holds when nobody asks anything of it. */
export interface RestRecord {
  readonly t: 'rest'
  readonly process: string
  readonly when: 'idle' | 'closed'
  readonly leases: number
  readonly waiting: number
  /** Open connections, as the host counts them. */
  readonly connections: number
  /** Sessions that the servers have for it. */
  readonly sessions: number
  /** Sum of all pools' `max`. */
  readonly max: number
}

export interface ExitRecord {
  readonly t: 'exit'
  readonly process: string
  /** False if it had to be killed. */
  readonly byItself: boolean
}

/** After a garbage collection. */
export interface HeapRecord {
  readonly t: 'heap'
  readonly process: string
  /** Handled by all hosts so far. */
  readonly requests: number
  readonly bytes: number
}
