import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { sharedWithPostgres } from '../../vitest.shared.ts'

const env = { SHERD_CONFIG: fileURLToPath(new URL('after/config', import.meta.url)) }

export default defineConfig({
  ...sharedWithPostgres,
  test: {
    ...sharedWithPostgres.test,
    include: ['before/test/*.test.ts', 'after/test/*.test.ts', 'test/*.test.ts'],
    setupFiles: ['./test/databases.ts'],
    env,
  },
})
