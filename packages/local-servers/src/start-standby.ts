import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { PostgresServer } from './start-postgres.ts'
import { Supervisor } from './supervisor.ts'

export interface StandbyOptions {
  /** Further settings of postgresql.conf; all others are the primary's. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/** As its primary, only that it follows it and can be made to lag. */
export interface PostgresStandby
  extends Omit<PostgresServer, 'createDatabase' | 'dropDatabase' | 'settings'> {
  /** What the primary commits from now on is received and not shown. Settles when nothing is replayed any more. */
  pauseReplay(): Promise<void>
  resumeReplay(): Promise<void>
  /** Settles when all is shown that the primary has committed by now. Rejects after 30 seconds. */
  caughtUp(): Promise<void>
}

const POLL_MS = 2
const PATIENCE_MS = 30_000

/**
 * Starts a hot standby that streams from `primary`, which runs on meanwhile. It is read-only, has the primary's users,
 * databases and settings, and ends with this process, whatever ends that. A promotion is not among its tricks.
 */
export async function startStandby(
  primary: PostgresServer,
  options: StandbyOptions = {},
): Promise<PostgresStandby> {
  const { host, port: primaryPort, user, password } = primary
  const supervisor = new Supervisor('postgres')
  const backupLabel = await backUp(primary, () =>
    supervisor.copy({ data: path.join(primary.folder, 'data') }),
  )
  const settings = {
    primary_conninfo: `host=${host} port=${primaryPort} user=${user} password=${password}`,
    hot_standby: 'on',
    // A primary that comes back is followed at once.
    wal_retrieve_retry_interval: '100ms',
    ...options.settings,
  }
  let running = await supervisor.start({ password, settings: toTexts(settings), backupLabel })

  const urlOf = (database: string) =>
    `postgres://${user}:${password}@${host}:${running.port}/${encodeURIComponent(database)}`
  const url = urlOf('postgres')
  const stop: PostgresStandby['stop'] = ({ mode = 'fast' } = {}) => supervisor.stop(mode)

  return {
    host,
    user,
    password,
    url,
    port: running.port,
    folder: running.folder,
    get pid() {
      return running.pid
    },
    urlOf,
    pauseReplay: () =>
      connected(url, async (client) => {
        await client.query('select pg_wal_replay_pause()')
        await until(client, `pg_get_wal_replay_pause_state() = 'paused'`)
      }),
    resumeReplay: () =>
      connected(url, async (client) => {
        await client.query('select pg_wal_replay_resume()')
      }),
    async caughtUp() {
      const position = await connected(primary.url, async (client) => {
        const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_lsn() as lsn')
        return rows[0]?.lsn
      })
      await connected(url, (client) => until(client, `pg_last_wal_replay_lsn() >= '${position}'::pg_lsn`))
    },
    stop,
    halt: ({ mode = 'fast' } = {}) => supervisor.halt(mode),
    async restart({ mode = 'fast' } = {}) {
      running = await supervisor.restart(mode)
    },
    kill: () => supervisor.kill(),
    [Symbol.asyncDispose]: () => stop(),
  }
}

/** A base backup: https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP @returns its label */
function backUp({ url }: PostgresServer, copy: () => Promise<void>): Promise<string> {
  return connected(url, async (client) => {
    await client.query(`select pg_backup_start('standby', fast => true)`)
    await copy()
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    )
    return rows[0]?.labelfile as string
  })
}

async function connected<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, ssl: false })
  await client.connect()
  try {
    return await fn(client)
  } finally {
    await client.end()
  }
}

async function until(client: pg.Client, condition: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const { rows } = await client.query<{ holds: boolean }>(`select coalesce(${condition}, false) as holds`)
    if (rows[0]?.holds) return
    if (Date.now() > deadline) throw new Error(`The standby did not reach ${condition} in ${PATIENCE_MS} ms.`)
    await sleep(POLL_MS)
  }
}

function toTexts(settings: NonNullable<StandbyOptions['settings']>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]))
}
