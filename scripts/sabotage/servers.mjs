import { tsImport } from 'tsx/esm/api'

/**
 * The database servers that the tests of guards need: started once, not for every guard.
 * @param {readonly import('./guards.mjs').Guard[]} guards
 * @returns {Promise<{ env: Record<string, string>, stop(): Promise<void> }>}
 */
export async function startServers(guards) {
  process.env.TSX_DISABLE_CACHE = '1'
  const servers = await tsImport('../../packages/local-servers/src/index.ts', import.meta.url)
  const needsMariadb = guards.some(({ name }) => name.startsWith('MariaDB:'))
  const [postgres, mariadb] = await Promise.all([
    servers.startPostgres({ maxConnections: 400 }),
    needsMariadb ? servers.startMariadb() : undefined,
  ])
  return {
    env: {
      SHERD_TEST_POSTGRES_URL: postgres.url,
      ...(mariadb && { SHERD_TEST_MARIADB_URL: mariadb.url }),
    },
    stop: async () => {
      await Promise.all([postgres, mariadb].map((server) => server?.stop({ mode: 'immediate' })))
    },
  }
}
