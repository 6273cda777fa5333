import { connectedTo, connectedToTenant, db, ScopeMissingError, WritePreventedError } from '@sherd/core'
import { Model, raw } from 'objection'
import { describe, expect, test } from 'vitest'
import { Project, Task } from '../src/models.ts'
import { backendPid, names, useShards } from './shards.ts'

await useShards()

describe('Objection models bound to db', () => {
  test('query the shard of the scope that they are in', async () => {
    const found = (tenant: string) => connectedToTenant(tenant, () => Project.query().orderBy('id'))
    expect(await found('initech')).toMatchObject([{ tenant: 'initech', name: 'First of initech' }])
    expect(await found('acme')).toMatchObject([{ tenant: 'acme' }, { tenant: 'globex' }])
    expect((await found('acme'))[0]).toBeInstanceOf(Project)
  })

  test('run on the one connection of the scope, parallel queries and graphs included', async () => {
    await connectedToTenant('acme', async () => {
      const pid = raw('pg_backend_pid()').as('pid')
      const [pids, graph, again] = await Promise.all([
        Project.query().select(pid),
        Project.query().findOne({ tenant: 'acme' }).withGraphFetched('tasks'),
        Task.query().select(pid),
      ])
      expect(graph?.tasks).toMatchObject([{ title: 'Task of acme' }])
      const seen = [...pids, ...again].map((row) => (row as unknown as { pid: number }).pid)
      expect(new Set(seen)).toEqual(new Set([await backendPid()]))
    })
  })

  test('insert graphs and read joined ones', async () => {
    await connectedToTenant('acme', async () => {
      await Project.query().insertGraph({ tenant: 'acme', name: 'Anvil', tasks: [{ title: 'Cast' }] })
      const anvil = await Project.query().findOne({ name: 'Anvil' }).withGraphJoined('tasks')
      expect(anvil?.tasks).toMatchObject([{ title: 'Cast' }])
    })
    expect(await connectedToTenant('initech', () => Project.query().resultSize())).toBe(1)
  })

  test.each([
    ['Model.transaction', (fn: () => Promise<void>) => Model.transaction(fn)],
    ['db.transaction', (fn: () => Promise<void>) => db.transaction(fn)],
  ])(
    '%s is ambient: what fails inside is rolled back whole, without handing trx on',
    async (_name, begin) => {
      await connectedToTenant('acme', async () => {
        const before = await names()
        const failed = begin(async () => {
          await Project.query().insert({ tenant: 'acme', name: 'Lost' })
          await db('projects').insert({ tenant: 'acme', name: 'Lost, too' })
          throw new Error('no')
        })
        // A sibling waits for the transaction's end and is no part of it.
        const beside = Project.query().insert({ tenant: 'acme', name: 'Beside' })
        await expect(failed).rejects.toThrow('no')
        await beside
        expect(await names()).toEqual([...before, 'Beside'])
        await begin(async () => void (await Project.query().insert({ tenant: 'acme', name: 'Kept' })))
        expect(await names()).toEqual([...before, 'Beside', 'Kept'])
      })
    },
  )

  test('take a transaction that is handed on, as ever', async () => {
    await connectedToTenant('acme', async () => {
      const trx = await Project.startTransaction()
      await Project.query(trx).insert({ tenant: 'acme', name: 'Lost' })
      await trx.rollback()
      expect(await names()).not.toContain('Lost')
    })
  })

  test('are refused outside of scopes, and may not write where writes are prevented', async () => {
    await expect((async () => await Project.query())()).rejects.toThrow(ScopeMissingError)
    const write = connectedTo({ shard: 'shard_0', preventWrites: true }, () =>
      Project.query().insert({ tenant: 'acme', name: 'No' }),
    )
    await expect(write).rejects.toThrow(WritePreventedError)
  })

  test('a query belongs to the scope in which it is awaited, for Objection makes its builder only then', async () => {
    const query = await connectedToTenant('acme', async () => ({ made: Project.query() }))
    expect(await connectedToTenant('initech', () => query.made)).toMatchObject([{ tenant: 'initech' }])
    await expect((async () => await query.made.clone())()).rejects.toThrow(ScopeMissingError)
  })
})
