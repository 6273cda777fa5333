import { ConfigInvalidError, type ConfigProblem } from '@sherd/core'
import type { Answer } from '../answer.ts'
import type { Style } from '../style.ts'
import { type Source, withSharding } from '../with-sharding.ts'

/** Whether the configuration can be used, and all that is wrong with it; connects to nothing. */
export async function check(source: Source): Promise<Answer> {
  try {
    return await withSharding(source, async ({ shardNames }) => sound(shardNames))
  } catch (error) {
    if (error instanceof ConfigInvalidError) return faulty(error.problems)
    throw error
  }
}

function sound(shards: readonly string[]): Answer {
  const count = shards.length === 1 ? '1 shard' : `${shards.length} shards`
  return {
    exitCode: 0,
    document: { valid: true, shards, problems: [] },
    text: (style) => `${style('green', 'The sharding configuration is sound:')} ${count}.`,
  }
}

function faulty(problems: readonly ConfigProblem[]): Answer {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return {
    exitCode: 2,
    document: { valid: false, shards: [], problems },
    text: (style) =>
      [
        style('red', `The sharding configuration has ${count}:`),
        ...problems.map((problem) => describe(problem, style)),
      ].join('\n'),
  }
}

/** As ConfigInvalidError does, which stops at a hundred. */
function describe({ file, path, value, message, mend }: ConfigProblem, style: Style): string {
  const where = path === '' ? file : `${file} › ${path}`
  const shown = value === undefined ? '' : ` (found ${value})`
  return `  ${style('bold', where)}\n    ${message}${shown}\n    → ${mend}`
}
