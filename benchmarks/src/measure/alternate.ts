import type { CaseResult, Sample } from './result.ts'

export interface Contestant {
  readonly name: string
  measure(): Promise<Sample>
}

export interface AlternateOptions {
  readonly id: string
  readonly contestants: readonly Contestant[]
  readonly rounds: number
  /** Rounds before, whose figures are dropped. */
  readonly warmUpRounds: number
  readonly progress: (text: string) => void
}

/**
 * Has the contestants do the same in turn, A B C A B C, each round beginning with another one, so that what else the
 * machine does meets all of them.
 */
export async function alternate(options: AlternateOptions): Promise<CaseResult> {
  const { id, contestants, rounds, warmUpRounds, progress } = options
  const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]))
  const total = warmUpRounds + rounds
  for (let round = 0; round < total; round++) {
    progress(`${id}: round ${round + 1} of ${total}`)
    for (const { name, measure } of rotated(contestants, round)) {
      const sample = await measure()
      if (round >= warmUpRounds) samples.get(name)?.push(sample)
    }
  }
  return { id, contestants: Array.from(samples, ([name, rounds]) => ({ name, rounds })) }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
