import { badDays } from './bad-days.ts'
import { endToEnd } from './end-to-end.ts'
import { middleware } from './middleware.ts'
import { pool } from './pool.ts'
import { scale } from './scale.ts'
import { scrub } from './scrub.ts'
import type { Suite } from './suite.ts'

/** In the order in which they are run. */
export const suites: readonly Suite[] = [pool, middleware, endToEnd, scale, badDays, scrub]
