import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BudgetBench, GRACE_MS, SERVER } from './budget-bench.ts'

const STEPS = [
  'start',
  'start',
  'kill',
  'leave',
  'ask',
  'ask',
  'release',
  'release',
  'closed',
  'closed',
  'deliver',
  'deliver',
  'deliver all',
  'deliver all',
  'lose',
  'duplicate',
  'wait',
] as const

test('workers that join, die and leave while messages are lost, late or doubled never exceed a budget', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(10_000)), { maxLength: 120, size: 'max' }),
      async (total, steps) => {
        const bench = new BudgetBench()
        const { network, coordinator, clock } = bench
        const check = () => {
          expect(bench.sessions, 'sessions on the server').toBeLessThanOrEqual(total)
          const { committed = 0 } = coordinator.stats()[SERVER] ?? {}
          expect(committed, 'what may be out').toBeLessThanOrEqual(total)
        }
        for (const [kind, number] of steps) {
          const worker = bench.at(number)
          if (kind === 'start' && bench.workers.length < 8) bench.start(total)
          else if (kind === 'kill' && worker) bench.kill(worker, number % (GRACE_MS + 1))
          else if (kind === 'leave' && worker) bench.leave(worker)
          else if (kind === 'ask') for (let left = number % 7; left > 0; left--) worker?.ask()
          else if (kind === 'release') for (let left = number % 4; left > 0; left--) worker?.release()
          else if (kind === 'closed') worker?.closed()
          else if (kind === 'deliver all') network.deliverAll(number % 2 === 1)
          else if (kind === 'deliver') network.deliver(number)
          else if (kind === 'lose') network.lose(number)
          else if (kind === 'duplicate' && network.size > 0) network.duplicate(number)
          else if (kind === 'wait') await clock.advance(number % 2500)
          check()
        }
        await bench.calm()
        check()
        const limits = bench.workers.map(({ budget }) => budget.limit)
        const count = limits.length
        const most = Math.ceil(total / count)
        if (count > 0) {
          expect(
            limits.reduce((sum, limit) => sum + limit, 0),
            'all is given away',
          ).toBe(total)
          expect(Math.max(...limits) - Math.min(...limits), 'in equal parts').toBeLessThanOrEqual(1)
          expect(Math.max(...limits)).toBe(most)
        }
        expect(bench.workers.every(({ budget }) => bench.workers.length > total || budget.limit > 0)).toBe(
          true,
        )
      },
    ),
    { numRuns: scaled(10_000) },
  )
})
