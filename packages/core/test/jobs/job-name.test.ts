import { expect, test } from 'vitest'
import { jobName } from '../../src/jobs/job-name.ts'

function archive(): void {}

test.each([
  ['a job of BullMQ', [{ name: 'archive', data: { tenant: 'acme' } }, 'token'], 'job archive'],
  ['jobs of pg-boss', [[{ id: '1', name: 'digest', data: {} }]], 'job digest'],
  ['a message of kafkajs', [{ topic: 'orders', partition: 0, message: {} }], 'job orders'],
  ['a batch of kafkajs', [{ batch: { topic: 'orders' } }], 'job orders'],
  ["anything else, by its handler's name", [{ name: 'Acme Ltd' }], 'job archive'],
  ['nothing', [], 'job archive'],
])('L9: reports name %s', (_what, args, name) => {
  expect(jobName(args, archive)).toBe(name)
})

test('L9: a job that nobody has named', () => {
  expect(jobName([null], () => {})).toBe('job (anonymous)')
})
