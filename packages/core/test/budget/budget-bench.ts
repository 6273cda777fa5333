import {
  BudgetCoordinator,
  type BudgetShortage,
  type MemberConnection,
} from '../../src/budget/budget-coordinator.ts'
import { BudgetMember } from '../../src/budget/budget-member.ts'
import type { GrantMessage } from '../../src/budget/budget-messages.ts'
import type { BudgetHolder } from '../../src/pool/budget-holder.ts'
import { ConnectionBudget } from '../../src/pool/connection-budget.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Network } from './network.ts'

export const SERVER = 'db:5432'
export const GRACE_MS = 3000

/** Connections that a worker has, as a pool would: some in use, some idle, some being closed. */
class Worker implements BudgetHolder {
  readonly budget: ConnectionBudget
  readonly member: BudgetMember
  readonly connection: MemberConnection
  inUse = 0
  idle = 0
  closing = 0
  wants = 0
  wantingSince = 0

  constructor(bench: BudgetBench, id: string, total: number) {
    const { network, clock, coordinator } = bench
    const receive = (message: GrantMessage) => network.post(() => this.member.receive(message))
    this.connection = coordinator.connect(receive)
    this.budget = new ConnectionBudget({
      name: SERVER,
      setting: 'setting',
      total,
      limit: 0,
      onReturned: () => this.member.returned(SERVER),
    })
    this.member = new BudgetMember({
      id,
      budgets: [this.budget],
      link: {
        send: (message) => network.post(() => this.connection.receive(message)),
        listen: () => () => {},
      },
      clock,
      deadlines: clock.deadlines,
      onChanged() {},
      onSilence: () => bench.silences.push(id),
    })
  }

  get taken(): number {
    return this.inUse + this.idle + this.closing
  }

  get staying(): number {
    return this.inUse + this.idle
  }

  get wantsMore(): boolean {
    return this.wants > 0
  }

  ask(): void {
    this.wants++
    this.offer()
  }

  offer(): void {
    while (this.wants > 0) {
      if (this.idle > 0) this.idle--
      else if (!this.budget.isFull) this.budget.take(this)
      else {
        this.budget.want(this)
        return
      }
      this.wants--
      this.inUse++
    }
  }

  release(): void {
    if (this.inUse === 0) return
    this.inUse--
    if (this.wants > 0 && !this.budget.isClaimed(this, 0)) {
      this.wants--
      this.inUse++
      return
    }
    this.idle++
    this.budget.rested(this)
  }

  yieldOne(): boolean {
    if (this.idle === 0) return false
    this.idle--
    this.closing++
    this.budget.closing()
    // As pools do.
    if (this.idle > 0) this.budget.rested(this)
    return true
  }

  yieldAll(): void {
    while (this.yieldOne());
  }

  /** The server has ended the session of one that was being closed. */
  closed(): void {
    if (this.closing === 0) return
    this.closing--
    this.budget.gone()
    this.budget.giveBack(this)
  }
}

/** Workers, their coordinator, and a server that counts sessions. */
export class BudgetBench {
  readonly clock = new FakeClock()
  readonly network = new Network()
  readonly shortages: BudgetShortage[] = []
  /** Members to which nobody has said anything. */
  readonly silences: string[] = []
  readonly coordinator: BudgetCoordinator
  readonly workers: Worker[] = []
  /** Sessions that processes have left behind, and when they end. */
  readonly #orphans = new Set<{ readonly count: number; readonly endsAt: number }>()
  /** Processes whose pools are closed, and which have not ended yet. */
  readonly #leaving = new Set<Worker>()
  #count = 0

  constructor() {
    const { clock, shortages } = this
    this.coordinator = new BudgetCoordinator({
      clock,
      deadlines: clock.deadlines,
      graceMs: GRACE_MS,
      onShortage: (shortage) => shortages.push(shortage),
    })
  }

  /** On the server. */
  get sessions(): number {
    let sessions = this.workers.reduce((sum, { taken }) => sum + taken, 0)
    for (const orphan of this.#orphans) {
      if (orphan.endsAt <= this.clock.now()) this.#orphans.delete(orphan)
      else sessions += orphan.count
    }
    return sessions
  }

  at(index: number): Worker | undefined {
    return this.workers[index % this.workers.length]
  }

  start(total: number): Worker {
    const worker = new Worker(this, `worker-${++this.#count}`, total)
    this.workers.push(worker)
    return worker
  }

  /** Its sessions are noticed by the server after `ms`. */
  kill(worker: Worker, ms = GRACE_MS): void {
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.#orphans.add({ count: worker.taken, endsAt: this.clock.now() + ms })
    worker.connection.lost()
  }

  /** Everything is given back, then it says so. */
  leave(worker: Worker): void {
    worker.wants = 0
    while (worker.inUse > 0) worker.release()
    worker.yieldAll()
    while (worker.closing > 0) worker.closed()
    worker.member.leave()
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.#leaving.add(worker)
  }

  /** Everything that is on its way arrives, everything that was lost is repeated, and the dead are forgotten. */
  async calm(): Promise<void> {
    for (const worker of this.#leaving) worker.connection.lost()
    for (let round = 0; round < 12; round++) {
      this.network.deliverAll()
      for (const worker of this.workers) {
        while (worker.inUse > 0) worker.release()
        while (worker.closing > 0) worker.closed()
      }
      this.network.deliverAll()
      await this.clock.advance(1000)
    }
  }
}
