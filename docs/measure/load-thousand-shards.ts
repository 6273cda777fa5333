// What docs/configuration.md says about the time that a thousand shard files take: run it with `npx tsx`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSharding } from '@sherd/core'

const SHARDS = 1000
const TENANTS = 20

const folder = mkdtempSync(join(tmpdir(), 'sherd-thousand-'))
try {
  writeFiles()
  const env = { DATABASES: 'postgres://db.example', POOL_MAX: '7' }
  // The first is what a starting process pays: nothing is compiled or cached yet.
  const [first = 0, ...others] = Array.from({ length: 6 }, () => {
    const started = performance.now()
    createSharding({ config: folder, env })
    return performance.now() - started
  })
  const again = others.sort((a, b) => a - b)[Math.floor(others.length / 2)] ?? 0
  console.log(
    `${SHARDS} shard files with ${TENANTS} tenants each: ${seconds(first)} s in a fresh process, ${seconds(again)} s when ` +
      `repeated (Node ${process.versions.node}, ${availableParallelism()} cores)`,
  )
} finally {
  rmSync(folder, { recursive: true })
}

function writeFiles(): void {
  mkdirSync(join(folder, 'shards'))
  writeFileSync(join(folder, 'sharding.yaml'), 'router: { strategy: static }\ndefaults: { client: pg }\n')
  for (let shard = 0; shard < SHARDS; shard++) {
    const tenants = Array.from({ length: TENANTS }, (_, tenant) => `tenant-${shard}-${tenant}`)
    const text = `connection: \${DATABASES}/shard_${shard}\npool:\n  max: \${POOL_MAX}\ntenants: [${tenants.join(', ')}]\n`
    writeFileSync(join(folder, 'shards', `shard_${shard}.yaml`), text)
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2)
}
