import { db, requireScope } from '@sherd/core'

export interface Invoice {
  tenant: string
  number: number
  amount: number
}

/** Where an invoice was written. */
export interface Written {
  readonly number: number
  readonly shard: string
  /** The process that serves the job's connection, on the database server. */
  readonly backend: number
}

/** The tenant of the current job. */
function currentTenant(): string {
  const { tenant, shard } = requireScope()
  if (tenant === undefined) throw new Error(`This code is connected to ${shard}, but to no tenant on it.`)
  return tenant
}

/** Invoices of the current tenant: tenants of one shard share its tables. */
export function invoices() {
  return db<Invoice>('invoices').where({ tenant: currentTenant() })
}

/** Writes the current tenant's next invoice and the event that tells of it, both or neither. */
export async function writeInvoice(amount: number, checkSeconds = 0): Promise<Written> {
  if (!Number.isSafeInteger(amount) || amount <= 0)
    throw new Error(`An invoice over ${amount} makes no sense.`)
  const tenant = currentTenant()
  return db.transaction(async () => {
    // In here `db` is the transaction. One tenant's invoices are numbered one after another.
    await db.raw('select pg_advisory_xact_lock(hashtext(?))', [tenant])
    const [last] = await invoices().max({ number: 'number' })
    const number = (last?.number ?? 0) + 1
    await db<Invoice>('invoices').insert({ tenant, number, amount })
    await db('events').insert({ tenant, what: `invoice ${number}` })
    // Stands for a slow query: a job that is cancelled meanwhile is stopped here, and nothing of it stays.
    await db.raw('select pg_sleep(?)', [checkSeconds])
    const { rows } = await db.raw<{ rows: [{ backend: number }] }>('select pg_backend_pid() as backend')
    return { number, shard: requireScope().shard, backend: rows[0].backend }
  })
}
