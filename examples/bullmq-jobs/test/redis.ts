import { startRedis, whyNoRedis } from '@sherd/local-servers'
import { afterAll, beforeAll, describe } from 'vitest'

const missing = whyNoRedis()

/** A suite that needs Redis: reported as skipped, with the reason, on a machine that has none. */
export function describeWithRedis(name: string, suite: (redisUrl: () => string) => void): void {
  describe.skipIf(missing !== undefined)(missing === undefined ? name : `${name} (${missing})`, () => {
    let redis: Awaited<ReturnType<typeof startRedis>> | undefined
    beforeAll(async () => {
      redis = await startRedis()
    })
    afterAll(() => redis?.stop({ mode: 'immediate' }))
    suite(() => redis?.url as string)
  })
}
