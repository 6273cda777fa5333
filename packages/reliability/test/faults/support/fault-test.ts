import { test as base } from 'vitest'
import { expectConserved, ProcessWatch } from './laws.ts'
import { Stage, type StageOptions } from './stage.ts'

/** A test of a fault: `set` makes stages, of which each ends with the laws that always hold. */
export const test = base.extend<{ set: (options?: StageOptions) => Promise<Stage> }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the pattern
  set: async ({}, use) => {
    const watch = new ProcessWatch()
    const stages: Stage[] = []
    await use(async (options) => {
      const stage = await Stage.set(options)
      stages.push(stage)
      return stage
    })
    try {
      for (const stage of stages) await expectConserved(stage)
    } finally {
      for (const stage of stages) await stage.close()
    }
    await watch.expectNothing()
  },
})
