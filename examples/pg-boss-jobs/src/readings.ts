import { db, requireScope } from '@sherd/core'

export interface Reading {
  tenant: string
  value: number
}

/** The tenant of the current job or request. */
function currentTenant(): string {
  const { tenant, shard } = requireScope()
  if (tenant === undefined) throw new Error(`This code is connected to ${shard}, but to no tenant on it.`)
  return tenant
}

/** Readings of the current tenant: tenants of one shard share its tables. */
export function readings() {
  return db<Reading>('readings').where({ tenant: currentTenant() })
}

export async function addReading(value: number): Promise<void> {
  if (!Number.isSafeInteger(value)) throw new Error(`${value} is no reading.`)
  await db<Reading>('readings').insert({ tenant: currentTenant(), value })
}

export interface Report {
  readonly tenant: string
  readonly shard: string
  readonly count: number
  readonly sum: number
}

/** @param seconds how long the database takes for it; for the demonstration */
export async function report(seconds = 0): Promise<Report> {
  await db.raw('select pg_sleep(?)', [seconds])
  const values: number[] = await readings().pluck('value')
  const sum = values.reduce((total, value) => total + value, 0)
  return { tenant: currentTenant(), shard: requireScope().shard, count: values.length, sum }
}
