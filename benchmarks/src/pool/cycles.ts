import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PoolUnderTest } from './pool-under-test.ts'

export interface CyclesOptions {
  /** Who take and give back at once. */
  readonly callers: number
  /** Of all callers together. */
  readonly cycles: number
}

/**
 * Takes and gives back, `cycles` times in all. A caller that is not alone keeps what it has for one turn of the
 * microtask queue, else none would ever meet another. Throws if two have the same connection.
 */
export async function runCycles<L>(
  pool: PoolUnderTest<L>,
  { callers, cycles }: CyclesOptions,
): Promise<void> {
  const isAlone = callers === 1
  let left = cycles
  const call = async (caller: number) => {
    while (left-- > 0) {
      const taken = pool.acquire()
      const lent = taken instanceof Promise ? await taken : taken
      const connection = pool.connectionOf(lent)
      if (connection.holder !== undefined) throw new Error(`connection ${connection.number} was lent twice`)
      connection.holder = caller
      if (!isAlone) await undefined
      if (connection.holder !== caller) throw new Error(`connection ${connection.number} was taken away`)
      connection.holder = undefined
      pool.release(lent)
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
}

/** While all connections are lent `waiters` come and leave again before any is free, `rounds` times. */
export async function runLeavers<L>(
  pool: PoolUnderTest<L>,
  { waiters, rounds, max }: { readonly waiters: number; readonly rounds: number; readonly max: number },
): Promise<void> {
  const enter = pool.enter?.bind(pool)
  if (enter === undefined) throw new Error('nobody can leave this pool’s queue')
  const lent = await Promise.all(Array.from({ length: max }, () => pool.acquire()))
  for (let round = 0; round < rounds; round++) {
    const leaves = Array.from({ length: waiters }, enter)
    // The last to come is the first to leave, and then they leave from both ends.
    while (leaves.length > 0) {
      leaves.pop()?.()
      leaves.shift()?.()
    }
    // tarn takes note of it later, and gives a connection that is given back meanwhile to one who has left.
    await nextTurn()
  }
  for (const each of lent) pool.release(each)
}
