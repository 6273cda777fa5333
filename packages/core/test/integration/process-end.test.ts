import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '@sherd/local-servers/test-database'
import { expect, test } from 'vitest'

const url = await createDatabase()
const CORE = fileURLToPath(new URL('../../src/index.ts', import.meta.url))

/** Runs a script with `sharding` in a process of its own, to which nothing but its own end puts an end. */
async function run(script: string): Promise<{ code: number; output: string; ms: number }> {
  const source = `
    import { createSharding } from ${JSON.stringify(CORE)}
    const config = { defaults: { client: 'pg' }, shards: { one: { connection: process.env.DATABASE_URL } } }
    const sharding = createSharding({ config })
    const { db } = sharding
    ${script}
    console.log('end of the script')
    process.on('exit', () => console.log('handles left: ' + process.getActiveResourcesInfo().join()))`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', source], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const since = performance.now()
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  return { code, output, ms: performance.now() - since }
}

test('a process ends by itself after close', async () => {
  const { code, output } = await run(`
    await sharding.connectedTo('one', () => db.raw('select 1'))
    await sharding.close()`)
  expect(output).toContain('end of the script')
  expect(code).toBe(0)
})

test('a script that has nothing more to do ends by itself, without close', async () => {
  const { code, output, ms } = await run(`
    await sharding.connectedTo('one', () => db.raw('select 1'))`)
  expect(output).toContain('end of the script')
  expect(code).toBe(0)
  expect(ms).toBeLessThan(15_000)
})

test('a process that closes by force while a query runs ends by itself', async () => {
  const { code, output } = await run(`
    const stray = sharding.connectedTo('one', () => db.raw('select pg_sleep(60)')).catch(() => console.log('refused'))
    await sharding.connectedTo('one', () => db.raw('select 1'))
    await sharding.close({ deadlineMs: 50 })
    await stray`)
  expect(output).toContain('refused')
  expect(code).toBe(0)
})
