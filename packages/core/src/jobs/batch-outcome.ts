/** What became of one message. */
export type BatchOutcome<M, R> =
  | { readonly status: 'fulfilled'; readonly message: M; readonly value: R }
  | { readonly status: 'rejected'; readonly message: M; readonly reason: unknown }
