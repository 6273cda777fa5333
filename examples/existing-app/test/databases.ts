// Before every test file: databases of its own, where the applications look for them.
import { createDatabase } from '@sherd/local-servers/test-database'

for (const name of ['DATABASE_URL', 'SHARD_0_DATABASE_URL', 'SHARD_1_DATABASE_URL']) {
  process.env[name] = await createDatabase()
}
