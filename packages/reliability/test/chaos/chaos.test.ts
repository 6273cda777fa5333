import { expect, test } from 'vitest'
import { RULES, type Rule } from '../../src/chaos/history/findings.ts'
import type { VariantName } from '../../src/chaos/host/host-calls.ts'
import { type ChaosResult, runChaos } from '../../src/chaos/run-chaos.ts'

// The long form of these is `pnpm chaos`, which `npm run test:long` runs.

const TIMEOUT_MS = 180_000
const FIXED_SEED = 20_260_101

function run(variant: VariantName, seed: number, size: { requests: number; faults: number }) {
  console.log(`chaos: ${variant}, seed ${seed}`)
  return runChaos({ variant, seed, ...size, maxMs: 60_000, outages: false })
}

/** What was found, in words, with examples. */
function accusations({ violations }: ChaosResult): string[] {
  return (Object.keys(RULES) as Rule[])
    .filter((rule) => violations[rule].count > 0)
    .map((rule) => [`${violations[rule].count} ${RULES[rule]}:`, ...violations[rule].examples].join('\n'))
}

test.each([
  ['a fixed seed', FIXED_SEED],
  ['a seed of its own', Math.floor(Math.random() * 1e9)],
])(
  'chaos with %s (%i): nothing is lost, doubled, shared or seen by another',
  async (_what, seed) => {
    const result = await run('sherd', seed, { requests: 1500, faults: 8 })
    expect(accusations(result)).toEqual([])
    // What was judged was there.
    expect(result.load.requests).toBe(1500)
    expect(result.faults).toHaveLength(8)
    const { answer = 0, read = 0, start = 0, row = 0, statement = 0 } = result.records
    expect(answer).toBe(1500)
    expect(Math.min(read, start, row)).toBeGreaterThan(500)
    expect(statement).toBeGreaterThan(5000)
  },
  TIMEOUT_MS,
)

test(
  'the same chaos convicts what one writes by hand: a connection for each request, given back on close',
  async () => {
    const { violations } = await run('pinned', FIXED_SEED, { requests: 250, faults: 0 })
    const found = (Object.keys(RULES) as Rule[]).filter((rule) => violations[rule].count > 0)
    expect(found).toEqual(expect.arrayContaining(['stateLeftBehind', 'sharedConnections', 'leakedLeases']))
  },
  TIMEOUT_MS,
)
