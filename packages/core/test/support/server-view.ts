import { engine } from './engine.ts'
import type { View } from './engines/view.ts'

/** A connection beside all pools, to look at a database and to interfere with it. */
export type ServerView = View

export const ServerView = {
  /** Open until the current test has finished. */
  open: (connection: string): Promise<ServerView> => engine.view(connection),
}
