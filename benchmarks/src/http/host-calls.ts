import type { VariantOptions } from './variant.ts'
import type { VariantName } from './variants/variants.ts'

export interface OpenHost extends Omit<VariantOptions, 'url'> {
  readonly variant: VariantName
  readonly framework: 'Express' | 'Fastify'
  /** Null: no server at all, and clients that answer at once. */
  readonly url: string | null
}

/** What a server under test can be asked beside its requests. */
export interface HostCalls {
  /** @returns the port that it serves */
  open(options: OpenHost): Promise<number>
  /**
   * Microseconds for which the process has used a processor so far. Garbage is not collected first: while no request is
   * there its shape is thrown away, too, and with it what was compiled for it, as never happens under load.
   */
  usage(): Promise<number>
  close(): Promise<void>
}
