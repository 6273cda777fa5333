import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { alternate } from '../src/measure/alternate.ts'
import { quartiles } from '../src/measure/quantiles.ts'
import { ratios, type SuiteResult } from '../src/measure/result.ts'
import { caseTable } from '../src/report/case-table.ts'
import { PAGE } from '../src/report/page.ts'
import { verdictOn } from '../src/report/verdict.ts'
import { suites } from '../src/suites/suites.ts'
import { type Target, targets } from '../src/targets.ts'

test('contestants take turns, and each round begins with another one', async () => {
  const order: string[] = []
  const contestants = ['A', 'B', 'C'].map((name) => ({
    name,
    measure: async () => {
      order.push(name)
      return { startMs: order.length }
    },
  }))
  const result = await alternate({ id: 'turns', contestants, rounds: 2, warmUpRounds: 1, progress() {} })
  expect(order.join('')).toBe('ABCBCACAB')
  expect(result.contestants.map(({ rounds }) => rounds)).toEqual([
    [{ startMs: 6 }, { startMs: 8 }],
    [{ startMs: 4 }, { startMs: 9 }],
    [{ startMs: 5 }, { startMs: 7 }],
  ])
})

const slow = { name: 'slow', rounds: [{ startMs: 10 }, { startMs: 40 }, { startMs: 30 }] }
const fast = { name: 'fast', rounds: [{ startMs: 5 }, { startMs: 10 }, { startMs: 20 }] }

test('ratios are taken round by round, never of medians', () => {
  expect(ratios(slow, fast, 'startMs')).toEqual([2, 4, 1.5])
  expect(quartiles([2, 4, 1.5])).toEqual({ low: 1.75, median: 2, high: 3 })
})

test('a target is met by the median of the ratios', () => {
  const result = { cases: [{ id: 'start', contestants: [slow, fast] }] } as unknown as SuiteResult
  const target: Target = {
    id: 'x',
    text: 'x',
    suite: 's',
    case: 'start',
    figure: 'startMs',
    of: 'slow',
    to: 'fast',
    bound: { atMost: 2 },
  }
  expect(verdictOn(target, result)).toMatchObject({ isMet: true, measured: { median: 2 } })
  expect(verdictOn({ ...target, bound: { atMost: 1.9 } }, result)?.isMet).toBe(false)
  expect(verdictOn({ ...target, bound: { atLeast: 2.1 } }, result)?.isMet).toBe(false)
  expect(verdictOn({ ...target, of: 'nobody' }, result)).toBeUndefined()
})

test('a table shows medians, quartiles and what is compared', () => {
  const plan = {
    id: 'start',
    contestants: ['slow', 'fast'],
    figures: ['startMs'],
    compared: { figure: 'startMs', to: 'fast' },
  } as const
  expect(caseTable(plan, { id: 'start', contestants: [slow, fast] })).toBe(
    [
      '|  | ms to start | ms to start ÷ fast |',
      '| --- | --- | --- |',
      '| slow | 30 (20–35) | 2.00 (1.75–3.00) |',
      '| fast | 10 (8–15) | 1.00 |',
    ].join('\n'),
  )
})

test.each(targets)('the target $id names what is measured', ({ suite, case: id, figure, of, to }) => {
  const plan = suites.find(({ name }) => name === suite)?.cases.find((each) => each.id === id)
  expect(plan?.contestants).toEqual(expect.arrayContaining([of, ...(to === undefined ? [] : [to])]))
  expect(plan?.figures).toContain(figure)
})

test('targets have ids of their own', () => {
  expect(new Set(targets.map(({ id }) => id)).size).toBe(targets.length)
})

const page = readFileSync(PAGE, 'utf8')

/** What a run has written between the marks; undefined where none has. */
function written(name: string): string | undefined {
  const text = page.split(`<!-- ${name} -->`)[1]?.split(`<!-- end of ${name} -->`)[0]
  expect(text, `docs/benchmarks.md has a place for ${name}`).toBeDefined()
  return text?.includes('| --- |') ? text : undefined
}

test.each(suites)(
  'docs/benchmarks.md shows what the suite $name measures, and nothing else',
  ({ name, cases }) => {
    const text = written(name)
    if (text === undefined) return
    const shown = [...text.matchAll(/^\*\*(.+)\*\*$/gm)].map(([, id]) => id)
    expect(shown.toSorted()).toEqual(cases.map(({ id }) => id).toSorted())
    for (const { id, contestants } of cases) {
      const part = text.split(`**${id}**`)[1]?.split('\n**')[0] ?? ''
      if (!part.includes('| --- |')) continue
      const rows = [...part.matchAll(/^\| ([^|-][^|]*) \|/gm)].map(([, name]) => name)
      expect(rows, id).toEqual(contestants)
    }
  },
)

test('docs/benchmarks.md says of every target whether it is met', () => {
  const text = written('targets')
  if (text === undefined) return
  for (const { text: target } of targets) expect(text).toContain(`| ${target} |`)
})
