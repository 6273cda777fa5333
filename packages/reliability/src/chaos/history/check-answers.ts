import type { Check, CheckOptions } from './check.ts'
import type { AnswerRecord, FaultRecord } from './history-record.ts'

/** How long after a fault its shards may still refuse. */
export const RECOVERY_MS = 2000

/** Every request is answered, with its own answer, and only a fault of its shard is an excuse for failing. */
export function checkAnswers({ findings, planOf }: CheckOptions): Check {
  const faults: FaultRecord[] = []
  const failures: AnswerRecord[] = []

  const isExcused = ({ id, from, to }: AnswerRecord) => {
    const { shard } = planOf(id)
    return faults.some(
      (fault) => fault.shards.includes(shard) && from <= fault.to + RECOVERY_MS && to >= fault.from,
    )
  }

  const lastFault = ({ id, from }: AnswerRecord) => {
    const { shard } = planOf(id)
    const before = faults.filter((fault) => fault.shards.includes(shard) && fault.to < from)
    const last = before.sort((a, b) => b.to - a.to)[0]
    return last === undefined
      ? 'before any fault'
      : `${Math.round(from - last.to)} ms after ${last.fault.kind}`
  }

  return {
    add(record) {
      if (record.t === 'fault') faults.push(record)
      if (record.t !== 'answer') return
      const { id, outcome, status, echo } = record
      const plan = planOf(id)
      if (outcome === 'silent') {
        findings.add('unanswered', `request ${id} (${plan.kind}) on ${plan.shard} at ${at(record)}`)
      } else if (outcome === 'broken' || (outcome === 'answered' && status !== plan.expectedStatus)) {
        failures.push(record)
      }
      if (echo !== undefined && (echo.id !== id || echo.tenant !== plan.tenant))
        findings.add(
          'foreignAnswers',
          `request ${id} of ${plan.tenant} got that of ${echo.id} of ${echo.tenant}`,
        )
    },
    finish() {
      for (const failure of failures) {
        if (isExcused(failure)) continue
        const { kind, shard, framework } = planOf(failure.id)
        const what = failure.status ?? failure.outcome
        findings.add(
          'failuresWithoutFault',
          `request ${failure.id} (${kind}, ${framework}) on ${shard} at ${at(failure)}: ${what} ${failure.code ?? ''}, ${lastFault(failure)}`,
        )
      }
    },
  }
}

function at({ from, to }: AnswerRecord): string {
  return `${new Date(from).toISOString()} (${Math.round(to - from)} ms)`
}
