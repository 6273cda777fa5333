import { systemClock } from './clock.ts'
import { Deadlines } from './deadlines.ts'

/** One timer for all pools of the process. */
export const systemDeadlines = new Deadlines(systemClock)
