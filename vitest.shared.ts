import { availableParallelism } from 'node:os'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const isLong = process.env['SHERD_TEST_LONG'] === '1'

/** What the test runs of all packages have in common. */
export const shared: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Suites wait for their servers about as long as they compute.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: isLong ? 1_200_000 : 20_000,
    hookTimeout: 60_000,
    passWithNoTests: true,
    reporters: ['default', ['json', { outputFile: process.env['SHERD_TEST_REPORT'] ?? 'test-results.json' }]],
    typecheck: {
      enabled: true,
      include: ['test/**/*.test-d.ts'],
      tsconfig: 'tsconfig.json',
      // `typecheck` reports errors outside type tests, once and not in every test run.
      ignoreSourceErrors: true,
    },
  },
})

/** The same with one PostgreSQL server for the run: see `@sherd/local-servers/test-database`. */
export const sharedWithPostgres: ViteUserConfig = defineConfig({
  ...shared,
  test: { ...shared.test, globalSetup: ['@sherd/local-servers/vitest'] },
})
