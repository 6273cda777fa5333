/** A resource and its place in the pool. Whoever got it from the pool owns it until giving it back, once. */
export interface Pooled<R> {
  readonly resource: R
  /** Past this time it is closed instead of being lent again. */
  readonly expiresAt: number
  readonly generation: number
  state: 'idle' | 'asked' | 'lent' | 'resetting' | 'closed'
  idleSince: number
  /** When it last showed that it answers. */
  provenAt: number
  /** When it was lent last; until then, when it was opened. */
  lentAt: number
  /** Whether it has ever been lent. */
  wasLent: boolean
  /** Whom it is lent to, where that is known. */
  tenant: string | undefined
}
