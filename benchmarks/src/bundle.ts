import { fileURLToPath } from 'node:url'
import { build } from 'tsdown'

/** Compiles the processes that are measured, so that they run as users run the published packages. */
export async function bundle(): Promise<void> {
  const folder = fileURLToPath(new URL('..', import.meta.url))
  await build({ cwd: folder, config: `${folder}tsdown.config.ts`, logLevel: 'error' })
}
