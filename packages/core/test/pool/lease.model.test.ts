import { isLong, scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ScopeEndedError, TransactionEndedError } from '../../src/errors.ts'
import type { ConnectionFailure } from '../../src/pool/engine.ts'
import type { Lane, Turn } from '../../src/pool/lane.ts'
import type { Lease } from '../../src/pool/lease.ts'
import type { RawConnection } from '../../src/pool/raw-connection.ts'
import type { FakeResource } from '../support/fake-driver.ts'
import type { RunningQuery } from '../support/fake-server.ts'
import { LeaseBench } from '../support/lease-bench.ts'
import { Outcome } from '../support/outcome.ts'
import { settled } from '../support/settled.ts'

/** A query or a turn that was asked for, as the model sees it. */
class Ticket {
  readonly text: string
  readonly lane: Lane | undefined
  outcome: Outcome | undefined
  isSent = false
  /** Nobody waits for it any more: it must not begin. */
  isDead: boolean

  constructor(text: string, lane: Lane | undefined, isDead: boolean) {
    this.text = text
    this.lane = lane
    this.isDead = isDead
  }

  get isPending(): boolean {
    return this.outcome === undefined || this.outcome.state === 'pending'
  }
}

/** A transaction or a stream, which has the connection to itself while it has its turn. */
interface Work {
  readonly turn: Turn
  readonly isStream: boolean
  hasTurn: boolean
  /** Its last query is on its way. */
  isEnding: boolean
  isOver: boolean
  isFetching: boolean
  end(): void
  /** As a driver's stream is destroyed: it closes once nothing of it is on its way. */
  destroy(): void
}

/** What a lease is, in the order of what can become of it. */
type Stage = 'live' | 'detached' | 'refusing' | 'ended'

/** A lease and what must be true of it. */
class Holder {
  readonly lease: Lease
  readonly tickets: Ticket[] = []
  /** What began where it must not have. Thrown there it would be the query's failure. */
  readonly faults: unknown[] = []
  /** Who waited when somebody behind them in their lane began. */
  readonly #passed: { readonly ticket: Ticket; readonly by: Ticket }[] = []
  stage: Stage = 'live'
  work: Work | undefined

  constructor(lease: Lease) {
    this.lease = lease
  }

  /** `run` may begin at once. */
  ask(text: string, lane: Lane | undefined, run: () => Promise<unknown>): void {
    const isRefused = this.stage === 'refusing' && lane === this.lease.root
    const ticket = new Ticket(text, lane, this.stage === 'ended' || isRefused)
    this.tickets.push(ticket)
    ticket.outcome = new Outcome(run())
  }

  /** Whoever has not begun never does. */
  turnAway(): void {
    for (const ticket of this.tickets) if (!ticket.isSent) ticket.isDead = true
  }

  /** A query is put on the wire, or a turn has begun. */
  begin(text: string): void {
    try {
      this.#begin(text)
    } catch (error) {
      this.faults.push(error)
    }
  }

  /**
   * Once everything has settled: whoever was passed in the queue had been refused, in the same instant. His turn may
   * go to the next before the refusal has come through the promises to whoever awaits it, so this cannot be told when
   * the next begins.
   */
  assertNobodyOvertaken(): void {
    for (const { ticket, by } of this.#passed)
      expect(ticket.isSent || ticket.isPending, `${by.text} overtook ${ticket.text}`).toBe(false)
  }

  #begin(text: string): void {
    const ticket = this.tickets.find((ticket) => ticket.text === text)
    expect(this.stage, `${text} of a lease that has ended`).not.toBe('ended')
    if (ticket === undefined) return
    expect(ticket.isDead, `${text} began although nobody waits for it`).toBe(false)
    ticket.isSent = true
    const { work } = this
    if (work?.hasTurn && !work.isOver)
      expect(ticket.lane, `${text} slipped into ${work.turn.holder}`).toBe(work.turn.inner)
    for (const other of this.tickets.slice(0, this.tickets.indexOf(ticket)))
      if (other.lane === ticket.lane && other.isPending && !other.isSent && !other.isDead)
        this.#passed.push({ ticket: other, by: ticket })
  }
}

/** What must be true of leases, whatever happens to them. It knows nothing of how they decide. */
class Model {
  readonly holders: readonly Holder[]
  #count = 0

  constructor(leases: readonly Lease[]) {
    this.holders = leases.map((lease) => new Holder(lease))
  }

  name(kind: string): string {
    return `${kind} ${++this.#count}`
  }

  at(index: number): Holder {
    return this.holders[index] as Holder
  }

  of(lease: Lease): Holder {
    return this.holders.find((holder) => holder.lease === lease) as Holder
  }
}

type Real = LeaseBench

/** Connections that have left their lease and wait for a cancel that is on its way to them. */
function returning({ holders }: Model, { server }: Real): Set<FakeResource> {
  const held = new Set(holders.map(({ lease }) => lease.connection))
  return new Set(
    server.cancels
      .map(({ connection }) => connection)
      .filter(
        (connection) =>
          !held.has(connection as unknown as RawConnection) && !connectionIsGone(server, connection),
      ),
  )
}

function connectionIsGone(server: Real['server'], connection: FakeResource): boolean {
  return (
    server.closing.has(connection) || server.closed.includes(connection) || server.resetting.has(connection)
  )
}

function assertInvariants(model: Model, real: Real): void {
  const { server, pool } = real
  expect(server.violations).toEqual([])
  const connections = model.holders.flatMap(({ lease }) => lease.connection ?? [])
  expect(new Set(connections).size, 'a connection has one owner').toBe(connections.length)
  for (const holder of model.holders) {
    const { lease, stage, tickets, faults } = holder
    if (faults.length > 0) throw faults[0]
    holder.assertNobodyOvertaken()
    const running = server.running.filter((query) => query.lease === lease)
    expect(running.length, 'one query at a time').toBeLessThanOrEqual(1)
    if (stage === 'ended' && running.length === 0)
      expect(lease.isHeld, 'what has ended and runs nothing holds nothing').toBe(false)
    if (stage === 'ended')
      for (const { text, isSent, isPending } of tickets)
        if (!isSent) expect(isPending, `${text} waits for a lease that has ended`).toBe(false)
  }
  const open = connections.filter(
    (connection) => !connectionIsGone(server, connection as unknown as FakeResource),
  )
  const { active } = pool.stats()
  expect(active, 'what is lent is held, on its way back or being reset').toBe(
    open.length + returning(model, real).size + server.resetting.size,
  )
  expect(server.peak, 'open, opening and closing stay within max').toBeLessThanOrEqual(2)
}

type Command = fc.AsyncCommand<Model, Real>

/** A step, and what must be true after any step. */
abstract class Step implements Command {
  check(_model: Readonly<Model>): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.act(model, real)
    await settled()
    assertInvariants(model, real)
  }

  toString(): string {
    return `${this.constructor.name}(${Object.values(this).join(', ')})`
  }

  abstract act(model: Model, real: Real): void | Promise<void>
}

/** Something that happens to one lease. */
abstract class LeaseStep extends Step {
  readonly index: number

  constructor(index: number) {
    super()
    this.index = index
  }

  override check(model: Model): boolean {
    return this.suits(model.at(this.index))
  }

  act(model: Model, real: Real): void {
    this.happen(model.at(this.index), real, model)
  }

  suits(_holder: Holder): boolean {
    return true
  }

  abstract happen(holder: Holder, real: Real, model: Model): void
}

class Take extends LeaseStep {
  happen(holder: Holder, _real: Real, model: Model): void {
    const { lease } = holder
    // No turn, and no place among those who want one.
    holder.ask(model.name('take'), undefined, async () => lease.checkout())
  }
}

class Query extends LeaseStep {
  happen(holder: Holder, { server }: Real, model: Model): void {
    const { lease } = holder
    const text = model.name('query')
    holder.ask(text, lease.root, () =>
      lease.run(lease.root, (connection) => server.send(lease, connection, text)),
    )
  }
}

class QueryInside extends LeaseStep {
  override suits({ work }: Holder): boolean {
    return work?.turn.inner !== undefined && work.hasTurn && !work.isEnding && !work.isOver
  }

  happen(holder: Holder, { server }: Real, model: Model): void {
    const { lease, work } = holder
    const inner = work?.turn.inner as Lane
    const text = model.name('inside')
    holder.ask(text, inner, () => lease.run(inner, (connection) => server.send(lease, connection, text)))
  }
}

/** Begins what has the connection to itself. */
abstract class Enter extends LeaseStep {
  abstract readonly isStream: boolean

  override suits({ work }: Holder): boolean {
    return work === undefined || work.isOver
  }

  happen(holder: Holder, _real: Real, model: Model): void {
    const { lease } = holder
    const text = model.name(this.isStream ? 'stream' : 'transaction')
    const turn: Turn = { holder: text, inner: this.isStream ? undefined : lease.root.inner() }
    const abandon = () => {
      // A transaction that is given up has lost its turn; a stream gives it back.
      if (this.isStream) work.destroy()
      else work.isOver = true
    }
    const openWork = { owner: {}, isStream: this.isStream, abandon }
    const work: Work = {
      turn,
      isStream: this.isStream,
      hasTurn: false,
      isEnding: false,
      isOver: false,
      isFetching: false,
      destroy: () => {
        work.isEnding = true
        if (!work.isFetching) work.end()
      },
      end: () => {
        if (work.isOver) return
        work.isOver = true
        lease.removeOpenWork(openWork)
        lease.leave(lease.root, turn)
      },
    }
    const enter = () =>
      lease.enter(lease.root, turn, () => {
        holder.begin(text)
        work.hasTurn = true
        lease.addOpenWork(openWork)
      })
    holder.work = work
    holder.ask(text, lease.root, () =>
      enter().catch((error) => {
        work.isOver = true
        throw error
      }),
    )
  }
}

class OpenTransaction extends Enter {
  readonly isStream = false
}

class OpenStream extends Enter {
  readonly isStream = true
}

class Fetch extends LeaseStep {
  override suits({ work, lease }: Holder): boolean {
    return Boolean(work?.isStream && work.hasTurn && !work.isEnding && !work.isOver && lease.isHeld)
  }

  happen(holder: Holder, { server }: Real, model: Model): void {
    const { lease, work } = holder
    // One at a time, as drivers have it.
    if (work === undefined || work.isFetching) return
    work.isFetching = true
    const settle = lease.begin(work.destroy)
    server
      .send(lease, lease.connection as RawConnection, model.name('fetch'))
      .catch(() => {
        work.isEnding = true
      })
      .finally(() => {
        settle()
        work.isFetching = false
        if (work.isEnding) work.end()
      })
  }
}

/** A transaction is ended, as after COMMIT, or rolled back first; a stream is closed. */
class EndWork extends LeaseStep {
  readonly rollsBack: boolean

  constructor(index: number, rollsBack: boolean) {
    super(index)
    this.rollsBack = rollsBack
  }

  override suits({ work, lease }: Holder): boolean {
    // A lane that has somebody inside is left when they have finished.
    if (!work?.hasTurn || work.isEnding || work.isOver) return false
    return (work.turn.inner?.isFree ?? true) && lease.isHeld
  }

  happen({ lease, work }: Holder, { server }: Real, model: Model): void {
    if (work === undefined) return
    const text = model.name('rollback')
    if (work.isStream) {
      work.destroy()
      return
    }
    if (!this.rollsBack) {
      work.end()
      return
    }
    work.isEnding = true
    work.turn.inner?.seal(() => new TransactionEndedError('it is rolled back'))
    void lease
      .restore(lease.root, work.turn, (connection) => server.send(lease, connection, text))
      .then(work.end)
  }
}

class Release extends LeaseStep {
  happen(holder: Holder, _real: Real, model: Model): void {
    const { lease } = holder
    holder.ask(model.name('release'), lease.root, () => lease.release(lease.root))
  }
}

class Cancel extends LeaseStep {
  happen({ lease }: Holder): void {
    void lease.cancelRunning()
  }
}

class Detach extends LeaseStep {
  readonly later: 'detach' | 'reject'

  constructor(index: number, later: 'detach' | 'reject') {
    super(index)
    this.later = later
  }

  happen(holder: Holder): void {
    if (holder.stage === 'live') {
      holder.stage = this.later === 'reject' ? 'refusing' : 'detached'
      if (this.later === 'reject')
        for (const ticket of holder.tickets)
          if (!ticket.isSent && ticket.lane === holder.lease.root && holder.lease.root.holder !== undefined)
            ticket.isDead = !isAtTurn(holder, ticket)
    }
    holder.lease.detach(this.later)
  }
}

/** Whether it has its turn and waits for the connection alone: that is let finish. */
function isAtTurn({ tickets, lease }: Holder, ticket: Ticket): boolean {
  const first = tickets.find(
    ({ lane, isPending, isSent, isDead }) => lane === lease.root && isPending && !isSent && !isDead,
  )
  return first === ticket && !lease.isHeld
}

/** The client has gone. */
class Abort extends LeaseStep {
  happen(holder: Holder): void {
    const { lease } = holder
    holder.turnAway()
    lease.leaveQueue()
    lease.cancelAll(new Error('the client has gone'))
    if (holder.stage === 'live') holder.stage = 'detached'
    lease.detach('detach')
  }
}

class End extends LeaseStep {
  happen(holder: Holder): void {
    holder.stage = 'ended'
    holder.turnAway()
    holder.lease.end(() => new ScopeEndedError('the function has settled'))
  }
}

/** The server answers one of those who wait for it. */
class Answer extends Step {
  readonly index: number
  readonly how: 'answers' | 'refuses' | ConnectionFailure

  constructor(index: number, how: Answer['how']) {
    super()
    this.index = index
    this.how = how
  }

  act(_model: Model, { server }: Real): void {
    const query = server.running[this.index % Math.max(1, server.running.length)]
    if (query === undefined) return
    if (this.how === 'answers') query.answer()
    else failAs(server, query, this.how === 'refuses' ? undefined : this.how)
  }
}

function failAs(server: Real['server'], query: RunningQuery, failure: ConnectionFailure | undefined): void {
  const error = new Error(`${query.text} failed`)
  if (failure !== undefined) server.failures.set(error, failure)
  query.fail(error)
}

class AnswerCancel extends Step {
  readonly stops: boolean
  readonly isRefused: boolean

  constructor(stops: boolean, isRefused: boolean) {
    super()
    this.stops = stops
    this.isRefused = isRefused
  }

  act(_model: Model, { server }: Real): void {
    const [cancel] = server.cancels
    if (cancel === undefined) return
    const query = server.running.find(({ connection }) => connection === cancel.connection)
    if (this.stops && query !== undefined) query.fail(new Error('cancelled'))
    if (this.isRefused) cancel.reject(new Error('refused'))
    else cancel.resolve()
  }
}

class Settle extends Step {
  readonly what: 'opening' | 'resetting' | 'closing'
  readonly succeeds: boolean

  constructor(what: Settle['what'], succeeds: boolean) {
    super()
    this.what = what
    this.succeeds = succeeds
  }

  act(_model: Model, { server }: Real): void {
    if (this.what === 'opening') {
      if (this.succeeds) server.opening[0]?.succeed()
      else server.opening[0]?.fail(new Error('refused'))
      return
    }
    const [first] = server[this.what].values()
    if (this.succeeds) first?.resolve()
    else first?.reject(new Error('failed'))
  }
}

/** The socket is reset: in use, while it is given back, or at rest. */
class Lose extends Step {
  readonly index: number
  readonly whose: 'of a lease' | 'in reset' | 'at rest'

  constructor(index: number, whose: Lose['whose']) {
    super()
    this.index = index
    this.whose = whose
  }

  act({ holders }: Model, { server }: Real): void {
    const all = {
      'of a lease': holders.flatMap(({ lease }) => lease.connection ?? []),
      'in reset': [...server.resetting.keys()],
      'at rest': [...server.resting],
    }[this.whose] as (FakeResource & RawConnection)[]
    const connection = all[this.index % Math.max(1, all.length)]
    if (connection === undefined) return
    connection.__knex__disposed = 'ECONNRESET'
    server.lose(connection)
    for (const query of [...server.running])
      if (query.connection === connection) failAs(server, query, 'lost')
    server.resetting.get(connection)?.reject(new Error('lost'))
  }
}

class Wait extends Step {
  readonly ms: number

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  async act(_model: Model, { clock }: Real): Promise<void> {
    await clock.advance(this.ms)
  }
}

const often = <T>(step: T): T[] => [step, step, step]
const index = fc.nat({ max: 2 })
const commands = fc.commands(
  [
    index.map((index) => new Take(index)),
    ...often(index.map((index) => new Query(index))),
    index.map((index) => new QueryInside(index)),
    index.map((index) => new OpenTransaction(index)),
    index.map((index) => new OpenStream(index)),
    index.map((index) => new Fetch(index)),
    fc.tuple(index, fc.boolean()).map((given) => new EndWork(...given)),
    index.map((index) => new Release(index)),
    index.map((index) => new Cancel(index)),
    fc.tuple(index, fc.constantFrom('detach', 'reject')).map((given) => new Detach(...given)),
    index.map((index) => new Abort(index)),
    index.map((index) => new End(index)),
    ...often(
      fc
        .tuple(index, fc.constantFrom('answers', 'answers', 'refuses', 'unfit', 'lost'))
        .map((given) => new Answer(...(given as [number, Answer['how']]))),
    ),
    ...often(fc.tuple(fc.boolean(), fc.boolean()).map((given) => new AnswerCancel(...given))),
    ...often(
      fc
        .tuple(fc.constantFrom('opening', 'resetting', 'closing'), fc.integer({ min: 0, max: 3 }))
        .map(([what, chance]) => new Settle(what as Settle['what'], chance > 0)),
    ),
    fc
      .tuple(index, fc.constantFrom('of a lease', 'in reset', 'at rest'))
      .map((given) => new Lose(...(given as [number, Lose['whose']]))),
    fc.constantFrom(50, 600, 2100).map((ms) => new Wait(ms)),
  ] as fc.Arbitrary<Command>[],
  { maxCommands: 40, size: 'max' },
)

/** Everything is answered and everybody ends: after that nothing is left over. */
async function finish(model: Model, real: Real): Promise<void> {
  const { server, pool, clock } = real
  const answerAll = async () => {
    const { opening, resetting, closing, cancels, running } = server
    while (opening.length + resetting.size + closing.size + cancels.length + running.length > 0) {
      for (const attempt of [...opening]) attempt.succeed()
      for (const answer of [...resetting.values(), ...closing.values(), ...cancels]) answer.resolve()
      for (const query of [...running]) query.answer()
      await settled()
    }
  }
  await answerAll()
  assertInvariants(model, real)
  for (let index = 0; index < model.holders.length; index++) await new End(index).run(model, real)
  for (let passed = 0; passed < 3000; passed += 500) {
    await answerAll()
    await clock.advance(500)
  }
  assertInvariants(model, real)
  const asked = model.holders.flatMap(({ tickets }) => tickets)
  expect(asked.filter(({ isPending }) => isPending)).toEqual([])
  expect(pool.stats()).toMatchObject({ active: 0, waiting: 0 })
  void pool.close(500)
  await answerAll()
  await clock.advance(1000)
  expect(server.held).toBe(0)
  expect(server.openedCount).toBe(server.closed.length)
  expect(clock.deadlines.size).toBe(0)
}

test(
  'fault 3: whatever happens to leases, a connection has one owner, goes back once, and runs nothing of a lease that has ended',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ max: fc.integer({ min: 1, max: 2 }), queryTimeoutMs: fc.constantFrom(null, 500) }),
        fc.constantFrom('at once', 'manual'),
        commands,
        async (limits, open, steps) => {
          const real = new LeaseBench(limits, { open, reset: 'manual', close: 'manual' })
          const model = new Model([real.lease(), real.lease(), real.lease()])
          real.server.onQuery = ({ lease, text }) => model.of(lease).begin(text)
          await fc.asyncModelRun(() => ({ model, real }), steps)
          await finish(model, real)
        },
      ),
      { numRuns: scaled(20_000) },
    )
  },
  isLong ? 1_800_000 : 120_000,
)
