import { styleText } from 'node:util'
import type { HealthReport, PoolStats, ShardingStats } from '@sherd/core'
import type { Answer, AnswerBody } from './ask.ts'
import type { Connection } from './connection.ts'

/** Lines fit a terminal of 80 columns. */
const WIDTH = { tenant: 9, request: 22, status: 5, shard: 9, backend: 15, detail: 10, time: 7 }
const INDENT = '   '

const coloured = process.stdout.isTTY === true && !process.env['NO_COLOR']

function paint(format: Parameters<typeof styleText>[0], text: string): string {
  return coloured ? styleText(format, text) : text
}

export function printLine(text = ''): void {
  console.log(text === '' ? '' : INDENT + text)
}

export function printHeading(number: number, title: string): void {
  console.log(`\n${paint('bold', `${number}  ${title}`)}`)
}

/** A word on what one sees. */
export function printNote(...lines: readonly string[]): void {
  for (const each of lines) printLine(paint('dim', each))
}

/** Says what is being waited for, and when that is over and still of interest, how long it took. */
export async function printWaiting<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  process.stdout.write(INDENT + `${what} …`.padEnd(70))
  const result = await work()
  const seconds = (performance.now() - start) / 1000
  if (!signal.aborted) console.log(paint('dim', `${seconds.toFixed(1)} s`.padStart(WIDTH.time)))
  return result
}

export function printAnswer(answer: Answer): void {
  const { question, status, ms } = answer
  const { tenant = '(none)', method = 'GET', path } = question
  const colour = status < 400 ? 'green' : status < 500 ? 'yellow' : 'red'
  printLine(
    shorten(tenant, WIDTH.tenant - 1).padEnd(WIDTH.tenant) +
      `${method} ${path}`.padEnd(WIDTH.request) +
      paint(colour, String(status).padEnd(WIDTH.status)) +
      outcome(answer).padEnd(WIDTH.shard + WIDTH.backend + WIDTH.detail) +
      paint('dim', `${Math.round(ms)} ms`.padStart(WIDTH.time)),
  )
}

/** What a monitor is told: the answer, and below it each shard with its warnings. */
export function printHealth({ report, ...answer }: MonitorAnswer & { report: HealthReport }): void {
  printMonitor(answer, report.status)
  for (const [name, { status, warnings }] of Object.entries(report.shards)) {
    const codes = warnings.map(({ code }) => code).join(', ')
    printLine(''.padEnd(WIDTH.tenant) + `${name.padEnd(WIDTH.shard)}${status.padEnd(11)}${codes}`.trimEnd())
  }
}

export function printShardStats({
  shard,
  pool,
  ...answer
}: MonitorAnswer & { shard: string; pool: PoolStats }): void {
  printMonitor(answer, `${shard.padEnd(WIDTH.shard)}${pool.active} active, ${pool.waiting} waiting`)
}

interface MonitorAnswer {
  readonly path: string
  readonly status: number
  readonly ms: number
}

function printMonitor({ path, status, ms }: MonitorAnswer, found: string): void {
  printLine(
    'monitor'.padEnd(WIDTH.tenant) +
      `GET ${path}`.padEnd(WIDTH.request) +
      paint(status === 200 ? 'green' : 'red', String(status).padEnd(WIDTH.status)) +
      found.padEnd(WIDTH.shard + WIDTH.backend + WIDTH.detail) +
      paint('dim', `${Math.round(ms)} ms`.padStart(WIDTH.time)),
  )
}

/** The call of a job and what came of it. */
export function printJob(call: string, connection: Connection, result: string): void {
  printLine(call.padEnd(WIDTH.tenant + WIDTH.request + WIDTH.status) + at(connection) + result)
}

export function printPools({ shards }: ShardingStats): void {
  const columns = ['active', 'idle', 'total', 'max', 'waiting'] as const
  const row = (first: string, others: readonly (string | number)[]) =>
    first.padEnd(WIDTH.tenant) + others.map((each) => String(each).padStart(9)).join('')
  printLine(paint('dim', row('pool', columns)))
  for (const [shard, { writing }] of Object.entries(shards)) {
    const numbers = columns.map((column) => writing[column])
    printLine(row(shard, numbers))
  }
}

export function printRequestsToTry(url: string): void {
  printLine()
  printLine(`Serving on ${url} until Ctrl-C. In another terminal:`)
  printLine()
  const requests = [
    `curl ${url}/projects -H 'x-tenant-id: acme'`,
    `curl ${url}/projects -H 'x-tenant-id: hooli' -H 'content-type: application/json' -d '{"name":"Tabs"}'`,
    `curl -i ${url}/projects -H 'x-tenant-id: nobody'`,
    `curl ${url}/health/shards`,
    `curl ${url}/stats`,
    `for i in 1 2 3 4 5 6; do curl -so /dev/null -w '%{http_code}\\n' '${url}/report?seconds=2' -H 'x-tenant-id: acme' & done; wait`,
  ]
  for (const request of requests) printLine(request)
  printLine()
}

function at({ shard = '', backend }: AnswerBody): string {
  return shard.padEnd(WIDTH.shard) + `backend ${backend} `.padEnd(WIDTH.backend)
}

function outcome({ status, retryAfter, body }: Answer): string {
  if (status < 400) return at(body) + detail(body)
  if (retryAfter === null) return body.code ?? ''
  return `${(body.shard ?? '').padEnd(WIDTH.shard)}Retry-After: ${retryAfter}`
}

function detail({ projects, project, done }: AnswerBody): string {
  if (projects !== undefined) return `${projects.length} projects`
  if (project !== undefined) return 'added'
  return done === undefined ? '' : `${done.length} done`
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
