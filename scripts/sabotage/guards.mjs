/**
 * @typedef {object} Guard
 * @property {string} name what it keeps from happening
 * @property {string} file where it stands
 * @property {string} find its text, which must occur once
 * @property {string} replace what is put in its place
 * @property {string[]} tests files that are run without it
 * @property {RegExp} reddens a test whose name matches must fail then
 */

const core = (file) => `packages/core/src/${file}`
const tests = (...files) => files.map((file) => `packages/core/test/${file}`)

/** @type {Guard[]} */
export const guards = [
  {
    name: 'scrub: the next borrower sees the session of the last',
    file: core('pool/postgres/session-reset.ts'),
    find: "await connection.query('DISCARD ALL')",
    replace: '',
    tests: tests('integration/clean-sessions.test.ts'),
    reddens: /^L8: the next borrower sees nothing/,
  },
  {
    name: 'transaction status: an open transaction is handed on',
    file: core('pool/postgres/session-reset.ts'),
    find: 'await within(ROLLBACK_MS, endTransaction(connection))',
    replace: '',
    tests: tests('integration/clean-sessions.test.ts', 'integration/baseline.test.ts'),
    reddens: /^L8: .*(?:open transaction|sees nothing of a)/,
  },
  {
    name: 'reset: a connection that could not be cleaned is lent again',
    file: core('pool/shard-pool.ts'),
    find: '() => this.#close(pooled),\n    )',
    replace: '() => this.#settle(pooled),\n    )',
    tests: tests('pool/shard-pool.test.ts'),
    reddens: /^L8: a connection whose reset fails/,
  },
  {
    name: 'revocation: a lease that has ended takes a connection',
    file: core('pool/lease.ts'),
    find: "if (this.#state.kind === 'ended') throw this.#state.error()\n    if (this.#holding.kind === 'connection')",
    replace: "if (this.#holding.kind === 'connection')",
    tests: tests('pool/lease.races.test.ts', 'pool/lease.test.ts'),
    reddens: /./,
  },
  {
    name: 'the instant of check-out: a connection is kept by a lease that ended meanwhile',
    file: core('pool/lease.ts'),
    find: "if (this.#state.kind !== 'ended') return this.#hold(pooled, isDetached)",
    replace: 'return this.#hold(pooled, isDetached)',
    tests: tests('pool/lease.races.test.ts', 'pool/lease.test.ts'),
    reddens: /^fault 3:/,
  },
  {
    name: 'the instant of a turn: a query is sent on a connection that was given back',
    file: core('pool/lease.ts'),
    find: 'if (!lane.has(turn)) throw this.#refusal(lane)',
    replace: '',
    tests: tests('pool/lease.races.test.ts', 'pool/lease.test.ts'),
    reddens: /./,
  },
  {
    name: 'turns: two queries or transactions overlap on one connection',
    file: core('pool/lane.ts'),
    find: 'if (this.#current !== undefined) return false',
    replace: '',
    tests: tests('pool/lane.test.ts', 'integration/transactions.test.ts'),
    reddens: /^L[34]:/,
  },
  {
    name: 'transactions: a query runs after its transaction ended',
    file: core('pool/lane.ts'),
    find: 'if (this.#refusal !== undefined) throw this.#refusal()',
    replace: '',
    tests: tests('integration/transactions.test.ts'),
    reddens: /^L4: the ambient db of a transaction that has ended/,
  },
  {
    name: 'commit: resolves although the server rolled back',
    file: core('pool/postgres/postgres-engine.ts'),
    find: "?.command !== 'ROLLBACK'",
    replace: '?.command !== undefined',
    tests: tests('integration/transactions.test.ts'),
    reddens: /^L4: a COMMIT that the server answers with ROLLBACK/,
  },
  {
    name: 'cancel: a request to cancel hits the next lease’s query',
    file: core('pool/lease.ts'),
    find: 'if (cancelling === undefined) this.#options.pool.release(pooled)\n    else void cancelling.then(() => this.#options.pool.release(pooled))',
    replace: 'this.#options.pool.release(pooled)',
    tests: tests('pool/lease.test.ts', 'pool/lease.races.test.ts', 'pool/canceller.test.ts'),
    reddens: /./,
  },
  {
    name: 'removal of a waiter that left: it is served',
    file: core('pool/shard-pool.ts'),
    find: 'if (!this.#waiters.delete(waiter)) return false\n    this.#options.deadlines.delete(waiter)',
    replace: 'this.#options.deadlines.delete(waiter)',
    tests: tests('pool/shard-pool.test.ts', 'pool/shard-pool.model.test.ts'),
    reddens: /./,
  },
  {
    name: 'max: a connection that is still closing does not count',
    file: core('pool/shard-pool.ts'),
    find: 'this.#options.limits.max - this.#members.size - this.#closing',
    replace: 'this.#options.limits.max - this.#members.size',
    tests: tests('pool/shard-pool.test.ts', 'pool/shard-pool.model.test.ts'),
    reddens: /./,
  },
  {
    name: 'late connections: one that came after its attempt was given up is lent',
    file: core('pool/connector.ts'),
    find: 'if (!this.#end(attempt)) {',
    replace: 'this.#end(attempt)\n    if (attempt === undefined) {',
    tests: tests('pool/shard-pool.test.ts'),
    reddens: /./,
  },
  {
    name: 'lock: another shard',
    file: core('scope/next-scope.ts'),
    find: 'if (current?.locked && shard !== current.shard)',
    replace: 'if (current === undefined && shard === undefined)',
    tests: tests('integration/scope-lock.test.ts'),
    reddens: /^S4: a locked scope refuses another shard/,
  },
  {
    name: 'lock: another tenant of the same shard',
    file: core('scope/next-scope.ts'),
    find: 'if (current?.locked && current.tenant !== undefined && tenant !== current.tenant)',
    replace: 'if (current === undefined && tenant === undefined)',
    tests: tests('integration/scope-lock.test.ts'),
    reddens: /^S4: .*tenant/,
  },
  {
    name: 'home of a query: it runs in the transaction of another scope',
    file: core('pool/knex-client.ts'),
    find: 'if (own.isSameScopeAs(bound)) return own',
    replace: 'if (own !== undefined) return own',
    tests: tests('integration/query-home.test.ts'),
    reddens: /^S6:/,
  },
  {
    name: 'ended scopes: a stray query runs',
    file: core('scope/open-scope.ts'),
    find: 'return this.#ended ?? this.#outer?.rules.ended',
    replace: 'return undefined',
    tests: tests('integration/job-end.test.ts', 'integration/query-home.test.ts'),
    reddens: /^(?:L5|S6):/,
  },
  {
    name: 'write prevention',
    file: core('pool/binding.ts'),
    find: 'if (this.rules.preventWrites && mayWrite(sql))',
    replace: 'if (this.rules.preventWrites && mayWrite(sql) && sql === "")',
    tests: tests('integration/write-prevention.test.ts'),
    reddens: /^S8: a reading scope refuses/,
  },
  {
    name: 'identity: two shards on one database',
    file: core('pool/identity-guard.ts'),
    find: 'if (owner !== undefined) {',
    replace: 'if (owner !== undefined && owner === shard) {',
    tests: tests('integration/identity.test.ts'),
    reddens: /^fault 26: two shards/,
  },
  {
    name: 'root context: a socket carries the context of the request that opened it',
    file: core('util/root-context.ts'),
    find: 'AsyncLocalStorage.snapshot()',
    replace: '(fn) => fn()',
    tests: tests('integration/async-context.test.ts', 'util/root-context.test.ts'),
    reddens: /^L10:/,
  },
  {
    name: 'gone clients: the handler runs for a client that left in the instant of check-out',
    file: core('adapter/bind-node-request.ts'),
    find: 'if (this.#isOver()) {\n      scope.discard()',
    replace: 'if (scope === undefined) {\n      scope.discard()',
    tests: tests('adapter/node-request.test.ts'),
    reddens: /^fault 3:/,
  },
  {
    name: 'the end of a response: the connection waits for a slow reader',
    file: core('adapter/bind-node-request.ts'),
    find: 'whenAnswered(this.#res, () => scope.answered())',
    replace: '',
    tests: tests('adapter/node-request.test.ts'),
    reddens: /^L5:/,
  },
]
