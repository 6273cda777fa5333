import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { type Hold, LeaseHolders } from '../../src/pool/lease-holders.ts'
import { systemClock } from '../../src/util/clock.ts'
import { type Deadline, Deadlines } from '../../src/util/deadlines.ts'
import { LinkedList, ListNode } from '../../src/util/linked-list.ts'

setFlagsFromString('--expose-gc')
const collectAll: () => void = runInNewContext('gc')

const ITEMS = 50_000
/** Entries that are there at a time. */
const AT_ONCE = 5
const BYTES_EACH = 800

/** What an entry leads to: a request. */
const payload = () => new Array(BYTES_EACH / 8).fill(0)

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
}

/** Bytes of each entry that only a full collection would find. */
function grownOld<E>(add: () => E, remove: (entry: E) => void): number {
  const entries = Array.from({ length: AT_ONCE }, add)
  // What is there by now is old from here on: whatever it leads to later outlives young collections.
  collectAll()
  const before = oldBytes()
  for (let count = 0; count < ITEMS; count++) {
    remove(entries[count % AT_ONCE] as E)
    entries[count % AT_ONCE] = add()
  }
  const bytes = (oldBytes() - before) / ITEMS
  for (const entry of entries) remove(entry)
  return bytes
}

// With a `Set` or a `Map` in place of each list these are hundreds of bytes, up to everything.
test('what has left a list is found by young collections', () => {
  const list = new LinkedList<ListNode<unknown>>()
  const add = () => {
    const place = new ListNode(payload())
    list.add(place)
    return place
  }
  expect(grownOld(add, (place) => list.delete(place))).toBeLessThan(BYTES_EACH / 10)
})

test('deadlines that are over are found by young collections', () => {
  const deadlines = new Deadlines(systemClock)
  const add = () => {
    const lead = payload()
    const entry: Deadline = { deadline: systemClock.now() + 60_000, expire: () => void lead }
    deadlines.add(entry)
    return entry
  }
  expect(grownOld(add, (entry) => deadlines.delete(entry))).toBeLessThan(BYTES_EACH / 10)
})

test('and so are leases that have given their connection back', () => {
  type Held = { readonly isLong: boolean; readonly lead: unknown }
  const holders = new LeaseHolders<Held>({
    clock: systemClock,
    deadlines: new Deadlines(systemClock),
    leakThresholdMs: null,
    onLeaked: () => {},
    onRecovered: () => {},
  })
  const add = () => holders.add({ isLong: false, lead: payload() }, systemClock.now())
  expect(grownOld(add, (hold: Hold<Held>) => holders.delete(hold))).toBeLessThan(BYTES_EACH / 10)
})
