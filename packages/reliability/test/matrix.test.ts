import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { matrix } from '../src/matrix.ts'

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url))

test('every fault of the matrix has a test by its number, and every number is one of the matrix', () => {
  const numbers = matrix.map(({ number }) => number)
  expect(numbers).toEqual(Array.from({ length: 27 }, (_, index) => index + 1))
  expect([...faultsInTestNames()].sort((a, b) => a - b)).toEqual(numbers)
})

/** `test('fault 8: …')`, `it('fault 1, fault 2: …')`, `it.each(…)('fault 3: …')`. */
function faultsInTestNames(): Set<number> {
  const names = testFiles().flatMap((file) => {
    const source = readFileSync(file, 'utf8')
    return [...source.matchAll(/['"`]((?:fault \d+(?:, )?)+):/g)].map(([, faults = '']) => faults)
  })
  return new Set(names.flatMap((name) => [...name.matchAll(/\d+/g)].map(Number)))
}

/** Those of each package, and the contract that adapters run as theirs. */
function testFiles(): string[] {
  return readdirSync(PACKAGES).flatMap((name) => [
    ...filesIn(path.join(PACKAGES, name, 'test'), '.test.ts'),
    ...(name === 'conformance' ? filesIn(path.join(PACKAGES, name, 'src'), '.ts') : []),
  ])
}

function filesIn(folder: string, ending: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => path.join(folder, name))
  } catch {
    return [] // A package without tests.
  }
}
