import { expect, test } from 'vitest'
import { BUDGET_MESSAGE } from '../../src/budget/budget-messages.ts'
import { BudgetBench, GRACE_MS, SERVER } from './budget-bench.ts'

const limits = (bench: BudgetBench) => bench.workers.map(({ budget }) => budget.limit)

/** So many workers, each of which has been given its share. */
function benchOf(count: number, total: number): BudgetBench {
  const bench = new BudgetBench()
  for (let left = count; left > 0; left--) bench.start(total)
  bench.network.deliverAll()
  return bench
}

test('a budget is divided equally; what is left over goes to those who have been there for longest', () => {
  const bench = benchOf(3, 11)
  expect(limits(bench)).toEqual([4, 4, 3])
  expect(bench.workers.map(({ member }) => member.workersOf(SERVER))).toEqual([3, 3, 3])
})

test('who joins gets what others have given up, each connection as soon as it is gone', () => {
  const bench = benchOf(1, 4)
  const [first] = bench.workers
  if (first === undefined) throw new Error('nobody')
  for (let left = 4; left > 0; left--) first.ask()
  bench.start(4)
  bench.network.deliverAll()
  expect(limits(bench), 'all are in use').toEqual([2, 0])
  first.release()
  bench.network.deliverAll()
  expect([limits(bench), first.closing], 'the server has it still').toEqual([[2, 0], 1])
  first.closed()
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([2, 1])
  first.release()
  first.closed()
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([2, 2])
  expect(first.inUse, 'nothing in use was closed').toBe(2)
})

test('what a worker that dies had is given to others when the server has had its time', async () => {
  const bench = benchOf(2, 8)
  const [, second] = bench.workers
  if (second === undefined) throw new Error('nobody')
  bench.kill(second)
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([4])
  await bench.clock.advance(GRACE_MS - 1)
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([4])
  await bench.clock.advance(1)
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([8])
})

test('a worker in the place of one that died serves at once, with a part of what the others have', () => {
  const bench = benchOf(4, 20)
  const [, , third] = bench.workers
  if (third === undefined) throw new Error('nobody')
  bench.kill(third)
  bench.start(20)
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([4, 4, 4, 3])
})

test('what a worker gives back when it closes is given to others at once', () => {
  const bench = benchOf(2, 8)
  const [first] = bench.workers
  if (first === undefined) throw new Error('nobody')
  first.ask()
  bench.leave(first)
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([8])
})

test('where callers wait for a larger share they are served as soon as it is there', () => {
  const bench = benchOf(2, 4)
  const [first, second] = bench.workers
  if (first === undefined || second === undefined) throw new Error('nobody')
  for (let left = 4; left > 0; left--) first.ask()
  expect(first.inUse).toBe(2)
  bench.leave(second)
  bench.network.deliverAll()
  expect(first.inUse).toBe(4)
})

test('more workers than connections: those who came first have one each, and it is told once', async () => {
  const bench = benchOf(4, 2)
  expect(limits(bench)).toEqual([1, 1, 0, 0])
  expect(bench.shortages).toEqual([{ budget: SERVER, maxConnections: 2, workers: 3 }])
  const [, , third, fourth] = bench.workers
  if (third === undefined || fourth === undefined) throw new Error('nobody')
  let isReady = false
  void third.member.ready().then(() => {
    isReady = true
  })
  await bench.clock.advance(1)
  expect(isReady).toBe(false)
  bench.leave(bench.workers[0] as typeof third)
  bench.network.deliverAll()
  await bench.clock.advance(1)
  expect(isReady, 'the next in line').toBe(true)
  bench.leave(fourth)
  bench.network.deliverAll()
  bench.start(2)
  bench.network.deliverAll()
  expect(bench.shortages, 'again, for there were enough meanwhile').toHaveLength(2)
})

test('workers whose configurations differ share the least of them', () => {
  const bench = benchOf(2, 10)
  bench.start(6)
  bench.network.deliverAll()
  expect(limits(bench)).toEqual([2, 2, 2])
  expect(bench.coordinator.stats()[SERVER]).toEqual({ maxConnections: 6, workers: 3, committed: 6, left: 0 })
})

test('nothing is asked and no timer runs once everybody has his share', async () => {
  const bench = benchOf(3, 9)
  await bench.clock.advance(1000)
  bench.network.deliverAll()
  expect([bench.network.size, bench.clock.deadlines.size]).toEqual([0, 0])
})

test('grants that come late do not bring back what was given up', () => {
  const bench = new BudgetBench()
  const { member, budget } = bench.start(9)
  const grant = (round: number, granted: number) =>
    member.receive({
      type: BUDGET_MESSAGE,
      kind: 'grant',
      member: 'worker-1',
      budget: SERVER,
      round,
      granted,
      workers: 2,
    })
  grant(3, 2)
  grant(1, 9)
  grant(2, 5)
  expect(budget.limit).toBe(2)
})

test('a worker to which nobody answers has nothing, tells it once, and begins when somebody does', async () => {
  const bench = new BudgetBench()
  const { budget } = bench.start(4)
  for (let seconds = 0; seconds < 8; seconds++) {
    while (bench.network.size > 0) bench.network.lose(0)
    await bench.clock.advance(1000)
  }
  expect([budget.limit, bench.silences]).toEqual([0, ['worker-1']])
  bench.network.deliverAll()
  expect(budget.limit).toBe(4)
})

test('what confirms an earlier grant says nothing of the last', () => {
  const bench = benchOf(1, 4)
  const [first] = bench.workers
  if (first === undefined) throw new Error('nobody')
  const second = bench.start(4)
  // The second is heard, the first is told of its smaller share, and has not got that yet.
  bench.network.deliver(0)
  const stale = { type: BUDGET_MESSAGE, kind: 'held', member: 'worker-1', budget: SERVER, round: 1 } as const
  first.connection.receive({ ...stale, held: 0 })
  for (let left = 4; left > 0; left--) first.ask()
  expect(first.inUse).toBe(4)
  bench.network.deliverAll()
  expect([first.budget.limit, second.budget.limit]).toEqual([2, 0])
})
