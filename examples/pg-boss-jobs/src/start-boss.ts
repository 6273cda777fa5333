import PgBoss from 'pg-boss'

export interface Boss extends AsyncDisposable {
  readonly boss: PgBoss
}

/** pg-boss keeps its jobs in a database of its own, which is no shard. Disposing lets running jobs finish. */
export async function startBoss(connectionString: string): Promise<Boss> {
  const boss = new PgBoss({ connectionString, max: 2, supervise: false, schedule: false })
  boss.on('error', console.error)
  await boss.start()
  return {
    boss,
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: true, wait: true, timeout: 5000 })
    },
  }
}
