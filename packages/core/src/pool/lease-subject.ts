import type { Correlated } from '../diagnostics/correlation.ts'

/** A lease, as reports and events show it. */
export interface LeaseSubject extends Correlated {
  readonly role: 'writing' | 'reading'
  /** A route, a job, a function; never a tenant. */
  readonly description: string
  /** May hold its connection for as long as it likes: it is no leak. */
  readonly isLong: boolean
  /** No other lease of the same server has it. */
  readonly number: number
}
