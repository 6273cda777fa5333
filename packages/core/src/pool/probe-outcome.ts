/** What came of asking a server for a sign of life. */
export type ProbeOutcome =
  | { readonly kind: 'answered'; readonly responseTimeMs: number }
  /** `cause`: code of what it failed with, where there is one. */
  | { readonly kind: 'failed'; readonly cause: string | undefined }
  /** It would have taken the last connection, or its turn never came. */
  | { readonly kind: 'skipped'; readonly reason: 'last connection' | 'no time' }
  /** Nobody asked for one, the server counts as down already, or there is no server that could be asked. */
  | { readonly kind: 'none' }
