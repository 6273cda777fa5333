import { describeChecks, type StartChecks } from '@sherd/conformance/checks'
import { shardHealth, shardLiveness, shardPlugin, shardReadiness } from '@sherd/fastify'
import fastify, { type FastifyInstance } from 'fastify'
import { expect, onTestFinished, test } from 'vitest'

const startChecks: StartChecks = async ({ sharding, health, work }) => {
  const app = fastify({ forceCloseConnections: true })
  const mount = (to: FastifyInstance) => {
    to.get('/shards', shardHealth(health))
    to.get('/live', shardLiveness())
    to.get('/ready', shardReadiness({ sharding }))
  }
  mount(app)
  await app.register(
    async (behind) => {
      await behind.register(shardPlugin, { sharding, tenant: { header: 'x-tenant-id' } })
      mount(behind)
      behind.get('/work', (request, reply) => {
        const json = (value: unknown) => void reply.type('application/json').send(JSON.stringify(value))
        void work(request, { json, stream: nothing, bare: nothing })
      })
    },
    { prefix: '/behind' },
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  return app.server
}

const nothing = (): never => {
  throw new Error('not here')
}

describeChecks('Fastify 5', startChecks)

test('options that make no sense are refused where the handler is made', () => {
  expect(() => shardHealth({ probe: { maxAgeMs: -1 } })).toThrow(TypeError)
})
