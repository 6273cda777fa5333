import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type SharedConnectionBudgets, shareConnectionBudgets } from '@sherd/core/processes'

export interface Workers extends AsyncDisposable {
  /** Where they listen, all on one port. */
  readonly url: string
  readonly budgets: SharedConnectionBudgets
  /** Process ids of all that are alive. */
  readonly pids: readonly number[]
  /** Of those that listen. */
  readonly ready: readonly number[]
  /** Has so many from now on, once they have started; of too many none is ended. */
  resize(size: number): void
}

/** Starts so many workers, and another one for each that dies, as the primary of a cluster does. */
export async function startWorkers(size: number, { graceMs = 5000 } = {}): Promise<Workers> {
  const budgets = shareConnectionBudgets({ graceMs })
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker.ts', import.meta.url)),
    execArgv: ['--import', 'tsx'],
  })
  let wanted = size
  const alive = () =>
    Object.values(cluster.workers ?? {}).filter(
      (worker): worker is Worker => worker !== undefined && !worker.isDead(),
    )
  const fill = () => {
    for (let left = wanted - alive().length; left > 0; left--) cluster.fork()
  }
  const listening = new Set<Worker>()
  cluster.on('listening', (worker) => listening.add(worker))
  cluster.on('exit', fill)
  fill()
  const [, { port }] = (await once(cluster, 'listening')) as [unknown, { port: number }]
  return {
    url: `http://127.0.0.1:${port}`,
    budgets,
    get pids() {
      return pidsOf(alive())
    },
    get ready() {
      return pidsOf(alive().filter((worker) => listening.has(worker)))
    },
    resize(size) {
      wanted = size
      fill()
    },
    async [Symbol.asyncDispose]() {
      wanted = 0
      const ends = alive().map((worker) => once(worker.process, 'exit'))
      for (const worker of alive()) worker.process.kill('SIGTERM')
      await Promise.all(ends)
      cluster.off('exit', fill)
      budgets.close()
    },
  }
}

function pidsOf(workers: readonly Worker[]): number[] {
  return workers.flatMap((worker) => worker.process.pid ?? [])
}
