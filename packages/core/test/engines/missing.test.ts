import { inject, test } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Why the database of this run cannot be had on this machine; empty when it can. */
    whyMissing: string
  }
}

test(`all integration suites on ${inject('engine')}`, ({ skip }) => skip(inject('whyMissing')))
