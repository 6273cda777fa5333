import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { HistoryRecord, ReadRecord } from '../history/history-record.ts'
import type { Kind, PlannedRequest } from '../plan/planned-request.ts'
import type { Access, Row } from './access.ts'

export interface HandlerOptions {
  readonly plan: PlannedRequest
  readonly access: Access
  readonly observe: (record: HistoryRecord) => void
  /** Resolves once the response has been sent, or cannot be any more. */
  readonly answered: Promise<unknown>
  /** Whether it has been. */
  readonly isOver: () => boolean
}

/** What the framework is to answer with; undefined is the usual. */
export type Reply = Readable | undefined

/** What a request or job does, by its kind. Written as if a session setting were safe to use. */
export async function handle(options: HandlerOptions): Promise<Reply> {
  const work = new Work(options)
  await work.begin()
  return await HANDLERS[options.plan.kind](work)
}

class Work {
  readonly plan: PlannedRequest
  readonly access: Access
  readonly answered: Promise<unknown>
  readonly #isOver: HandlerOptions['isOver']
  readonly #observe: HandlerOptions['observe']

  constructor({ plan, access, answered, isOver, observe }: HandlerOptions) {
    this.plan = plan
    this.access = access
    this.answered = answered
    this.#isOver = isOver
    this.#observe = observe
  }

  /** Looks at the session as it comes, then makes it the tenant's. */
  async begin(): Promise<void> {
    const { id, kind } = this.plan
    const locks = kind === 'session' ? `, (${OWN_ADVISORY_LOCKS}) AS locks` : ''
    const [session] = await this.access.rows(`SELECT ${SESSION}${locks}`)
    this.#observe({
      t: 'start',
      id,
      tenant: session?.['tenant'] as string | null,
      searchPath: session?.['path'] as string,
      hasTempTable: session?.['scratch'] !== null,
      ...(kind === 'session' ? { advisoryLocks: Number(session?.['locks']) } : {}),
    })
    await this.claim()
  }

  /** Makes the session the tenant's. */
  async claim(): Promise<void> {
    await this.access.rows(`SELECT set_config('app.tenant', ?, false)`, [this.plan.tenant])
  }

  /** The tenant's own rows, as the request names them. */
  items(access = this.access) {
    return access.table('items').where({ tenant: this.plan.tenant }).select('tenant', 'n')
  }

  async readOwn(access = this.access): Promise<void> {
    this.saw('rows', await this.items(access))
  }

  /** Whatever rows the session's setting leads to. */
  async readBySetting(access = this.access): Promise<void> {
    this.saw(
      'rows',
      await access.rows(`SELECT tenant FROM items WHERE tenant = current_setting('app.tenant', true)`),
    )
  }

  async readSetting(access = this.access): Promise<void> {
    this.saw('setting', await access.rows(`SELECT current_setting('app.tenant', true) AS tenant`))
  }

  saw(what: ReadRecord['what'], rows: readonly Row[]): void {
    const tenants = [...new Set(rows.map(({ tenant }) => tenant as string | null))]
    this.#observe({ t: 'read', id: this.plan.id, what, tenants, isOver: this.#isOver() })
  }

  async write(step: number, access = this.access): Promise<void> {
    const { id, tenant } = this.plan
    await access.rows('INSERT INTO writes (id, step, tenant) VALUES (?, ?, ?)', [id, step, tenant])
  }
}

const SESSION = `current_setting('app.tenant', true) AS tenant, current_setting('search_path') AS path,
  to_regclass('pg_temp.scratch') AS scratch`.replaceAll(/\s+/g, ' ')
const OWN_ADVISORY_LOCKS = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`

/** Its transaction was to be rolled back, or its handler to fail. */
class PlannedFailure extends Error {
  constructor() {
    super('planned')
  }
}

const HANDLERS: Readonly<Record<Kind, (work: Work) => Promise<Reply>>> = {
  async read(work) {
    await work.readOwn()
    await work.readBySetting()
    return undefined
  },

  async write(work) {
    await work.write(0)
    await work.readBySetting()
    return undefined
  },

  async transaction(work) {
    await work.access.transaction(async (inside) => {
      await work.write(0, inside)
      await work.readBySetting(inside)
      await work.write(1, inside)
    })
    return undefined
  },

  async rollback(work) {
    const rolledBack = work.access.transaction(async (inside) => {
      await work.write(0, inside)
      await work.readSetting(inside)
      throw new PlannedFailure()
    })
    await rolledBack.catch((error) => {
      if (!(error instanceof PlannedFailure)) throw error
    })
    return undefined
  },

  async stream(work) {
    let rows = 0
    for await (const row of work.access.stream(work.items())) {
      work.saw('rows', [row])
      if (++rows % 5 === 0) await work.readSetting()
    }
    return undefined
  },

  async download(work) {
    return work.access.stream(work.items())
  },

  async parallel(work) {
    await Promise.all([
      work.readOwn(),
      work.write(0),
      work.readBySetting(),
      work.access.transaction((inside) => work.write(1, inside)),
      work.readSetting(),
    ])
    return undefined
  },

  async session(work) {
    const { access, plan } = work
    await access.rows('SET search_path TO scratch, public')
    await access.rows('CREATE TEMPORARY TABLE scratch (tenant text)')
    await access.rows('INSERT INTO pg_temp.scratch VALUES (?)', [plan.tenant])
    await access.rows('SELECT pg_try_advisory_lock(?)', [plan.tenantIndex])
    work.saw('temp table', await access.rows('SELECT tenant FROM pg_temp.scratch'))
    await work.write(0)
    await work.readSetting()
    return undefined
  },

  async slow(work) {
    await work.access.rows('SELECT pg_sleep(?)', [work.plan.slowMs / 1000])
    await work.readSetting()
    return undefined
  },

  async late(work) {
    await work.write(0)
    void work.answered.then(() => work.write(LATE_STEP)).catch(() => {})
    return undefined
  },

  async pause(work) {
    await work.write(0)
    await work.access.pause()
    await wait(10)
    await work.claim()
    await work.write(1)
    await work.readBySetting()
    return undefined
  },

  async throw(work) {
    await work.write(0)
    throw new PlannedFailure()
  },

  async job(work) {
    await work.write(0)
    await work.readBySetting()
    return undefined
  },

  async 'failing-job'(work) {
    await work.write(0)
    throw new PlannedFailure()
  },
}

/** Written after the response, so acknowledged by nobody. */
const LATE_STEP = 9
