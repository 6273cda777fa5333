/** A fault, what is expected when it comes, and the figure that says how well. */
export interface FaultRow {
  readonly number: number
  readonly fault: string
  readonly expected: string
  /** Undefined where the expectation is all there is to say. */
  readonly figure: string | undefined
}

/** The fault matrix. Every row has tests whose names begin with `fault` and its number. */
export const matrix: readonly FaultRow[] = [
  row(
    1,
    'A client leaves while it is queued',
    'It loses its place and takes nothing',
    '0 leaked in 100,000 requests of which 30 % are aborted',
  ),
  row(
    2,
    'A client leaves during a query',
    'The lease is revoked, the query cancelled where that is safe, the connection cleaned or closed',
    '0 rows or settings of another tenant; for GET and HEAD the session is idle again within 500 ms',
  ),
  row(
    3,
    'A client leaves in the instant of a checkout, a commit, a release',
    'One owner, one release',
    '0 violations in 100,000 random schedules',
  ),
  row(
    4,
    'A handler throws, never answers, answers twice',
    'The connection is given back; one that hangs is reported as a leak, with its route',
    undefined,
  ),
  row(
    5,
    'A query after the response',
    'It runs on a short lease of its own or is refused',
    '0 on the connection of another request',
  ),
  row(
    6,
    'A transaction is left open, or has failed',
    'It is rolled back within 250 ms, or the connection is closed',
    'The next borrower is in no transaction',
  ),
  row(
    7,
    'The session is changed, by whatever means',
    'The next borrower finds it as it was after connecting',
    '0 differences in 10,000 generated cases',
  ),
  row(
    8,
    'The database refuses connections',
    'The circuit opens after 5 failures or 1 s; then 503 at once; other shards do not notice',
    '503 in 5 ms (p50)',
  ),
  row(
    9,
    'Connecting gets no answer',
    'A checkout ends in time, and works again once the network does',
    'Deadline + 50 ms; 1 s after healing; 0 sockets left',
  ),
  row(
    10,
    'Idle connections are dead without a word',
    'A bounded ping finds one, and its siblings are looked at',
    '1 slow request a process',
  ),
  row(
    11,
    'The network is gone in the middle of a query',
    "The query's own deadline ends it, and its socket is closed",
    'Deadline + 50 ms',
  ),
  row(
    12,
    'All connections are reset',
    'They are replaced, little by little',
    'No more errors than queries on the wire',
  ),
  row(
    13,
    'The server restarts, fast and immediately, 20 times under load',
    'Only what is on the wire fails; 503 while it is down',
    'Served again 1 s after it is up',
  ),
  row(
    14,
    'The session of a connection that is held but not in use is killed',
    'The next query fails with an error of its own, and the request is answered',
    '0 uncaught exceptions',
  ),
  row(
    15,
    'The server has no connection left',
    'Those that are open go on serving; new ones are asked for at growing intervals',
    '100 % of the answers are right',
  ),
  row(
    16,
    'The password is wrong, or has been changed',
    'It is not tried in a storm, and works once it is right',
    '1 attempt a second',
  ),
  row(
    17,
    'The database is ten times slower, or the load is 2, 5, 10 times what it can bear',
    'Requests are refused by the time they would queue; the circuit stays closed',
    '90 % of what it can bear is served',
  ),
  row(
    18,
    'One tenant is hot in a shard that it shares',
    'It gets no more than its part',
    'The p99 of its neighbours at most doubles',
  ),
  row(19, 'One shard of several is dead', 'It is alone in that', '0 errors on the others'),
  row(
    20,
    'A fan-out meets a slow shard and a dead one',
    'It ends as its policy says, within its deadline, and cancels the rest',
    '0 leases left',
  ),
  row(
    21,
    'A fan-out within a request that holds a connection, as many at once as the pool has',
    'No deadlock',
    'It ends within its deadline',
  ),
  row(22, 'A result comes after the circuit has changed', 'It is ignored', 'As a model does in 100,000 runs'),
  row(
    23,
    'The connection is cut during the reset, ROLLBACK, a ping, COMMIT',
    'It is closed; an unknown commit is reported as such and never repeated',
    '0 writes twice',
  ),
  row(
    24,
    'SIGTERM under load, with open streams',
    'The process ends by itself, in bounded phases',
    '0 accepted requests lost within the grace',
  ),
  row(
    25,
    'The event loop stands still for 3 s; the clock is set back',
    'The database is not blamed, and its connections stay',
    'The circuit stays closed',
  ),
  row(26, 'The address leads to another database', 'It is refused by its identity', '0 queries run'),
  row(
    27,
    'A slow upload; a slow reader of an answer',
    'Neither holds a connection, unless the answer is streamed from a cursor',
    'The pool is idle meanwhile',
  ),
]

function row(number: number, fault: string, expected: string, figure: string | undefined): FaultRow {
  return Object.freeze({ number, fault, expected, figure })
}
