import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createSharding, type Sharding } from '../../src/index.ts'
import { until } from '../support/until.ts'

const SHARD = 'client: pg\nconnection: postgres://db.example/app\n'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sherd-watch-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

function write(directory: string, names: readonly string[]): void {
  mkdirSync(join(directory, 'shards'), { recursive: true })
  for (const name of names) writeFileSync(join(directory, 'shards', `${name}.yaml`), SHARD)
}

function watched(config: string): Sharding {
  const sharding = createSharding({ config })
  onTestFinished(() => sharding.close())
  sharding.watch()
  return sharding
}

const names = async (sharding: Sharding, ...wanted: string[]) => {
  await until(() => sharding.shardNames.join() === wanted.join())
}

/** The warnings of the process from now on. */
function warnings(): (Error & { code?: string })[] {
  const heard: Error[] = []
  const listener = (warning: Error) => heard.push(warning)
  process.on('warning', listener)
  onTestFinished(() => void process.off('warning', listener))
  return heard
}

test('files that come, go, and are replaced by a rename are seen', async () => {
  const config = folder()
  write(config, ['a'])
  const sharding = watched(config)
  write(config, ['b'])
  await names(sharding, 'a', 'b')
  const draft = join(config, 'shards', '.c.yaml.swp')
  writeFileSync(draft, SHARD)
  renameSync(draft, join(config, 'shards', 'c.yaml'))
  await names(sharding, 'a', 'b', 'c')
  rmSync(join(config, 'shards', 'a.yaml'))
  await names(sharding, 'b', 'c')
})

test('a folder that takes the place of another is seen, and so is what happens in it', async () => {
  const home = folder()
  const config = join(home, 'config')
  write(config, ['a'])
  const sharding = watched(config)
  write(join(home, 'next'), ['b'])
  renameSync(config, join(home, 'before'))
  renameSync(join(home, 'next'), config)
  await names(sharding, 'b')
  write(config, ['c'])
  await names(sharding, 'b', 'c')
  write(join(home, 'newer'), ['d'])
  renameSync(join(config, 'shards'), join(home, 'old-shards'))
  renameSync(join(home, 'newer', 'shards'), join(config, 'shards'))
  await names(sharding, 'd')
})

test('links that are exchanged as Kubernetes does are seen', async () => {
  const mount = folder()
  write(join(mount, '..one'), ['a'])
  symlinkSync('..one', join(mount, '..data'))
  symlinkSync('..data/shards', join(mount, 'shards'))
  const sharding = watched(mount)
  for (const [target, shard] of [
    ['..two', 'b'],
    ['..three', 'c'],
  ] as const) {
    write(join(mount, target), [shard])
    symlinkSync(target, join(mount, '..data_tmp'))
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
    await names(sharding, shard)
  }
})

test('a file that is wrong is told by a warning and changes nothing; once it is right it is taken', async () => {
  const config = folder()
  write(config, ['a'])
  const heard = warnings()
  const sharding = watched(config)
  writeFileSync(join(config, 'shards', 'b.yaml'), 'client: pg\nconection: postgres://u:secret@h/d\n')
  const isRefusal = ({ code }: { code?: string }) => code === 'SHERD_RELOAD_FAILED'
  const warning = (await until(() => heard.find(isRefusal))) as Error
  expect(warning.message).toMatch(/^The configuration was not reloaded\. .*\n?.*conection/s)
  expect(warning.message).not.toContain('secret')
  expect(sharding.shardNames).toEqual(['a'])
  write(config, ['b'])
  await names(sharding, 'a', 'b')
})

test('a watch that was closed sees nothing more', async () => {
  const config = folder()
  write(config, ['a'])
  const sharding = createSharding({ config })
  const other = createSharding({ config })
  onTestFinished(async () => void (await Promise.all([sharding.close(), other.close()])))
  const watch = sharding.watch()
  other.watch()
  watch.close()
  watch.close()
  write(config, ['b'])
  await names(other, 'a', 'b')
  expect(sharding.shardNames).toEqual(['a'])
})

test('a configuration without files cannot be watched; one whose shards are files can', async () => {
  const whole = createSharding({ config: { shards: { a: { client: 'pg', connection: 'postgres://h/d' } } } })
  onTestFinished(() => whole.close())
  expect(() => whole.watch()).toThrow(/There is no folder to watch/)
  const config = folder()
  write(config, ['a'])
  const sharding = createSharding({ config: { shards: join(config, 'shards') } })
  onTestFinished(() => sharding.close())
  using _watch = sharding.watch()
  write(config, ['b'])
  await names(sharding, 'a', 'b')
})

test('a watch keeps no process alive', async () => {
  const config = folder()
  write(config, ['a'])
  const core = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
  const script = `
    import { createSharding } from ${JSON.stringify(core)}
    createSharding({ config: ${JSON.stringify(config)} }).watch()
    console.log('watching')`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  expect([code, output.trim()]).toEqual([0, 'watching'])
}, 60_000)
