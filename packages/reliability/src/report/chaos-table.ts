import { RULES, type Rule } from '../chaos/history/findings.ts'
import { heapGrowth } from '../chaos/history/heap-growth.ts'
import type { VariantName } from '../chaos/host/host-calls.ts'
import type { Outage } from '../chaos/measure/outage.ts'
import { FRAMEWORKS } from '../chaos/plan/placement.ts'
import type { ChaosResult } from '../chaos/run-chaos.ts'
import { milliseconds, table, thousands } from './markdown.ts'
import type { SavedChaos } from './saved-chaos.ts'

const NAMES: Readonly<Record<VariantName, string>> = {
  sherd: 'Sherd',
  pinned: 'knex, a connection a request',
  'per query': 'knex, a connection a query',
}

type Line = readonly [string, (result: ChaosResult) => string]

/** What was done to each, and how much of it was looked at. */
const SIZE: readonly Line[] = [
  ['seed', ({ options }) => String(options.seed)],
  ['requests', ({ load }) => thousands(load.requests)],
  ['requests a second', ({ load }) => thousands(load.requests / (load.ms / 1000))],
  ['left by their clients', ({ load }) => thousands(load.outcomes['aborted'] ?? 0)],
  ['answered 503', ({ load }) => thousands(load.outcomes['503'] ?? 0)],
  ['faults', ({ faults }) => thousands(faults.length)],
  ['reads looked at', ({ records }) => thousands(records.read ?? 0)],
  ['rows written', ({ records }) => thousands(records.row ?? 0)],
  ['statements in the servers’ logs', ({ records }) => thousands(records.statement ?? 0)],
  ['answer, p50 and p99', ({ load }) => `${milliseconds(load.p50Ms)}, ${milliseconds(load.p99Ms)}`],
]

const HEAP: Line = ['bytes of heap a request', ({ heaps }) => heapGrowths(heaps)]

export function chaosTable(runs: readonly SavedChaos[]): string {
  const results = runs.map(({ result }) => result)
  const found: Line[] = (Object.keys(RULES) as Rule[]).map((rule) => [
    RULES[rule],
    ({ violations }) => thousands(violations[rule].count),
  ])
  return comparison(results, [...SIZE, HEAP, ...found])
}

/** How an outage of one shard looks to its clients. */
export function outageTable(runs: readonly SavedChaos[]): string {
  const lines: Line[] = [
    ['refused: failed requests', ({ outages }) => thousands(outages?.refused.refusals ?? 0)],
    ['refused: failed after (p50)', ({ outages }) => milliseconds(outages?.refused.p50Ms)],
    ['refused: failed after (p99)', ({ outages }) => milliseconds(outages?.refused.p99Ms)],
    ['refused: first success after healing', ({ outages }) => firstSuccess(outages?.refused)],
    ['black hole: first success after healing', ({ outages }) => firstSuccess(outages?.blackHole)],
  ]
  return comparison(
    runs.map(({ result }) => result),
    lines,
  )
}

function comparison(results: readonly ChaosResult[], lines: readonly Line[]): string {
  return table(
    ['', ...results.map(({ options }) => NAMES[options.variant])],
    lines.map(([name, of]) => [name, ...results.map(of)]),
  )
}

function firstSuccess(outage: Outage | undefined): string {
  if (outage === undefined) return '–'
  return outage.firstSuccessMs === undefined ? 'none in 40 s' : milliseconds(outage.firstSuccessMs)
}

function heapGrowths(heaps: ChaosResult['heaps']): string {
  const growths = FRAMEWORKS.map((framework) =>
    heapGrowth(
      heaps.filter(({ process }) => process === framework).map(({ requests, bytes }) => [requests, bytes]),
    ),
  )
  return growths.map((growth) => growth?.toFixed(1) ?? '–').join(', ')
}
