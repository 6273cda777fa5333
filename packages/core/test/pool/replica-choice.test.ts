import { scaled } from '@sherd/local-servers/test-scale'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Candidate, ReplicaChoice } from '../../src/pool/replica-choice.ts'

class Server implements Candidate {
  isUp = true
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  serves(): boolean {
    return this.isUp
  }
}

function choiceOf(weights: readonly number[]) {
  const servers = weights.map((_weight, index) => new Server(String.fromCharCode(97 + index)))
  const choice = new ReplicaChoice(servers.map((server, index) => [server, weights[index] ?? 0] as const))
  const turns = (count: number) => Array.from({ length: count }, () => choice.next(0))
  return { servers, choice, turns }
}

const names = (servers: readonly (Server | undefined)[]) =>
  servers.map((server) => server?.name ?? '-').join('')

test('turns are as smooth as the weights allow', () => {
  expect(names(choiceOf([5, 1, 1]).turns(7))).toBe('aabacaa')
  expect(names(choiceOf([3, 1]).turns(8))).toBe('aabaaaba')
  expect(names(choiceOf([1, 1, 1]).turns(6))).toBe('abcabc')
})

test('a weight of 0 takes no turn, and without anybody there is none', () => {
  expect(names(choiceOf([0, 2, 0]).turns(3))).toBe('bbb')
  expect(names(choiceOf([0, 0]).turns(2))).toBe('--')
  expect(names(choiceOf([]).turns(1))).toBe('-')
})

test('whoever comes back is owed nothing for the time in which it was away', () => {
  const { servers, turns } = choiceOf([1, 1])
  const [first] = servers as [Server, Server]
  turns(3)
  first.isUp = false
  expect(names(turns(4))).toBe('bbbb')
  first.isUp = true
  expect(names(turns(4))).toBe('abab')
})

type Step = { readonly kind: 'turn' } | { readonly kind: 'toggle'; readonly index: number }

test('whoever comes and goes, nobody has a turn who does not serve, and each round gives each exactly its weight', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 5 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 9, arbitrary: fc.constant({ kind: 'turn' } as const) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('toggle' as const), index: fc.nat({ max: 4 }) }) },
  )
  const property = fc.property(weights, fc.array(step, { maxLength: 200 }), (given, steps) => {
    const { servers, choice } = choiceOf(given)
    const weightOf = (server: Server) => given[servers.indexOf(server)] ?? 0
    /** Turns since others have begun to serve. */
    let turns: Server[] = []
    for (const { kind, ...rest } of steps) {
      if (kind === 'toggle') {
        const server = servers['index' in rest ? rest.index : 0]
        if (server === undefined) continue
        server.isUp = !server.isUp
        if (weightOf(server) > 0) turns = []
        continue
      }
      const serving = servers.filter((server) => server.isUp && weightOf(server) > 0)
      const chosen = choice.next(0)
      if (serving.length === 0) expect(chosen).toBeUndefined()
      else {
        expect(serving).toContain(chosen)
        turns.push(chosen as Server)
      }
      const round = serving.reduce((sum, server) => sum + weightOf(server), 0)
      if (turns.length < round) continue
      const last = turns.slice(turns.length - round)
      for (const server of serving)
        expect(last.filter((one) => one === server)).toHaveLength(weightOf(server))
    }
  })
  fc.assert(property, { numRuns: scaled(20_000) })
})
