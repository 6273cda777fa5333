import type { Check, CheckOptions } from './check.ts'
import type { RowRecord } from './history-record.ts'

/** Every acknowledged write is there exactly once, every other at most once, each where and whose it should be. */
export function checkWrites({ findings, planOf }: CheckOptions): Check {
  const acknowledged: number[] = []
  const rows = new Map<number, RowRecord[]>()

  const checkPlace = ({ id, step, shard, tenant, sessionTenant }: RowRecord) => {
    const plan = planOf(id)
    const isOwn = tenant === plan.tenant && shard === plan.shard && [null, '', tenant].includes(sessionTenant)
    if (isOwn) return
    findings.add(
      'foreignWrites',
      `request ${id} of ${plan.tenant} on ${plan.shard} wrote step ${step} for ${tenant} on ${shard}, in a session of ${sessionTenant}`,
    )
  }

  const checkRequest = (id: number, steps: readonly number[]) => {
    const { kind, isAtomic, writes } = planOf(id)
    for (const step of new Set(steps)) {
      const times = steps.filter((each) => each === step).length
      if (times > 1)
        findings.add('doubledWrites', `request ${id} (${kind}): step ${step} is there ${times} times`)
    }
    if (kind === 'rollback' && steps.length > 0)
      findings.add('tornTransactions', `request ${id}: rolled back, yet steps ${steps.join(', ')} are there`)
    if (isAtomic && steps.length > 0 && !writes.every((step) => steps.includes(step)))
      findings.add(
        'tornTransactions',
        `request ${id}: of steps ${writes.join(', ')} only ${steps.join(', ')} are there`,
      )
  }

  return {
    add(record) {
      if (record.t === 'answer') {
        const isAcknowledged = record.outcome === 'answered' && record.status === 200
        if (isAcknowledged && planOf(record.id).writes.length > 0) acknowledged.push(record.id)
      } else if (record.t === 'row') {
        checkPlace(record)
        const known = rows.get(record.id)
        if (known === undefined) rows.set(record.id, [record])
        else known.push(record)
      }
    },
    finish() {
      for (const [id, written] of rows) {
        checkRequest(
          id,
          written.map(({ step }) => step),
        )
      }
      for (const id of acknowledged) {
        const steps = (rows.get(id) ?? []).map(({ step }) => step)
        const { kind, writes } = planOf(id)
        const lost = writes.filter((step) => !steps.includes(step))
        if (lost.length > 0)
          findings.add(
            'lostWrites',
            `request ${id} (${kind}): acknowledged steps ${lost.join(', ')} are not there`,
            lost.length,
          )
      }
    },
  }
}
