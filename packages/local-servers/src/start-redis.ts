import { randomBytes } from 'node:crypto'
import type { StopMode } from './start-postgres.ts'
import { redisProgram } from './supervisor/redis-program.mjs'
import { Supervisor } from './supervisor.ts'

export interface RedisOptions {
  /** Further directives of redis.conf, such as `{ maxmemory: '64mb' }`. They win over all defaults. */
  readonly settings?: Readonly<Record<string, string | number>>
}

export interface RedisServer extends AsyncDisposable {
  /** With the password. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly password: string
  /** The process id of the server; another one after a restart. */
  readonly pid: number
  /** Holds everything the server writes; removed when it stops. */
  readonly folder: string
  /** Ends the server and removes its folder. @default mode 'fast' */
  stop(options?: { readonly mode?: StopMode }): Promise<void>
  /** Stops and starts on the same port with the same data. @default mode 'fast' */
  restart(options?: { readonly mode?: StopMode }): Promise<void>
  /** Ends the server with SIGKILL; the data stays for `restart()`. */
  kill(): Promise<void>
}

const HOST = '127.0.0.1'

const DEFAULT_SETTINGS = {
  bind: HOST,
  daemonize: 'no',
  // Its title would hide which folder it belongs to.
  'set-proc-title': 'no',
  // What was written survives a crash of the server; those of the machine matter to nobody here.
  appendonly: 'yes',
  appendfsync: 'no',
  save: '',
}

/** Why {@link startRedis} cannot work on this machine; undefined when it can. */
export function whyNoRedis(): string | undefined {
  return redisProgram() === undefined ? 'there is no redis-server on this machine' : undefined
}

/**
 * Starts a real Redis server of its own, if one is installed (6.2 or later): on the loopback interface, on a free
 * port, in a temporary folder. It ends with this process, whatever ends that, and never keeps it alive.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const password = randomBytes(16).toString('hex')
  const settings = Object.fromEntries(
    Object.entries({ ...DEFAULT_SETTINGS, ...options.settings }).map(([name, value]) => [
      name,
      String(value),
    ]),
  )
  const supervisor = new Supervisor('redis')
  let running = await supervisor.start({ password, settings })
  const stop: RedisServer['stop'] = ({ mode = 'fast' } = {}) => supervisor.stop(mode)
  return {
    host: HOST,
    password,
    url: `redis://:${password}@${HOST}:${running.port}`,
    port: running.port,
    folder: running.folder,
    get pid() {
      return running.pid
    },
    stop,
    async restart({ mode = 'fast' } = {}) {
      running = await supervisor.restart(mode)
    },
    kill: () => supervisor.kill(),
    [Symbol.asyncDispose]: () => stop(),
  }
}
