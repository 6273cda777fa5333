/** How long one query may take, counted from its turn. */
export interface TimeLimit {
  readonly ms: number
  /** What happens at its end: the server is asked to stop the query, or the connection is destroyed at once. */
  readonly atEnd: 'cancel' | 'destroy'
  /** What the query rejects with. */
  error(cause: unknown): unknown
}

/** Whichever ends first. */
export function shorterOf(one: TimeLimit | undefined, other: TimeLimit | undefined): TimeLimit | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.ms <= other.ms ? one : other
}
