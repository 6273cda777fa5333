// `npm run sabotage`: switches off one guard after the other in a copy of the source, and requires the tests that
// stand for it to fail. A guard that can go without a red test is not there. Arguments select guards by a part of
// their name.

import { availableParallelism } from 'node:os'
import { mariadbPrograms } from '../packages/local-servers/src/supervisor/mariadb-programs.mjs'
import { summary } from './lib/counts.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'
import { guards } from './sabotage/guards.mjs'
import { startServers } from './sabotage/servers.mjs'
import { testsOf } from './sabotage/tests-of.mjs'
import { WorkingCopy } from './sabotage/working-copy.mjs'

/** Each fills about a processor. */
const COPIES = Math.min(4, Math.max(2, availableParallelism()))

const announce = steps(4)
await setUp(announce)

const wanted = process.argv.slice(2)
const asked = guards.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
// Nothing can be seen of them where there is no MariaDB.
const selected = asked.filter(({ name }) => !name.startsWith('MariaDB:') || mariadbPrograms() !== undefined)

const servers = await startServers(selected)
const copies = Array.from({ length: Math.min(COPIES, selected.length) }, () => new WorkingCopy(servers.env))
let proven = 0
try {
  const groups = testsOf(selected)
  announce(`Running the tests of ${groups.length} files as they are`)
  const before = (
    await withCopies(groups, (copy, { file, pattern }) => copy.failures([file], pattern))
  ).flat()
  announce(`Switching off ${selected.length} guards`)
  await withCopies(selected, async (copy, guard) => {
    const startedAt = performance.now()
    const verdict = await judge(copy, guard, before)
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    if (verdict === undefined) proven++
    const word = verdict === undefined ? 'proven' : 'NOT PROVEN'
    console.log(`      ${word}  ${guard.name}${verdict ? `: ${verdict}` : ''} (${seconds} s)`)
  })
} finally {
  for (const copy of copies) copy.remove()
  await servers.stop()
}

console.log(`\n${proven} of ${selected.length} guards proven`)
console.log(
  summary({ passed: proven, failed: selected.length - proven, skipped: asked.length - selected.length }),
)
process.exitCode = proven === selected.length && proven > 0 ? 0 : 1

/** Runs `work` for each item, on whichever copy is free. */
async function withCopies(items, work) {
  const entries = items.entries()
  const results = []
  await Promise.all(
    copies.map(async (copy) => {
      for (const [index, item] of entries) results[index] = await work(copy, item)
    }),
  )
  return results
}

/** @returns {Promise<string | undefined>} why the guard is not proven */
async function judge(copy, { file, find, replace, tests, reddens }, before) {
  const restore = copy.change(file, find, replace)
  if (restore === undefined) return `${file} has no single place that reads ${JSON.stringify(find)}`
  try {
    const isMeant = ({ name, title }) => reddens.test(title) || reddens.test(name)
    if (before.some(isMeant)) return 'its test fails without sabotage, too'
    const failed = await copy.failures(tests, reddens)
    return failed.some(isMeant) ? undefined : `no test matching ${reddens} failed`
  } finally {
    restore()
  }
}
