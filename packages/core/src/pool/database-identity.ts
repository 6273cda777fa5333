/** What a database has turned out to be, wherever its address leads. */
export interface DatabaseIdentity {
  /** Which database and schema: its standbys have the same. */
  readonly database: string
  /** Whether it replays another server's log. */
  readonly isStandby: boolean
  /**
   * Which history it writes: each promotion begins another one. Undefined where it writes none, or cannot tell.
   * https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
   */
  readonly timeline: string | undefined
}

/** Of a server of which no more is known than where its data is. */
export function plainIdentity(database: string): DatabaseIdentity {
  return { database, isStandby: false, timeline: undefined }
}
