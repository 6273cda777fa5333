import { engine } from './engine.ts'

/** Runs statements beside all pools: what a test finds in its database before it begins. */
export function runSql(connection: string, ...statements: string[]): Promise<void> {
  return engine.runSql(connection, ...statements)
}
