// `npm run sabotage`: switches off one guard after the other in a copy of the source, and requires the tests that
// stand for it to fail. A guard that can go without a red test is not there. Arguments select guards by a part of
// their name.

import { mariadbPrograms } from '../packages/local-servers/src/supervisor/mariadb-programs.mjs'
import { summary } from './lib/counts.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'
import { guards } from './sabotage/guards.mjs'
import { WorkingCopy } from './sabotage/working-copy.mjs'

const announce = steps(4)
await setUp(announce)

const wanted = process.argv.slice(2)
const asked = guards.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
// Nothing can be seen of them where there is no MariaDB.
const selected = asked.filter(({ name }) => !name.startsWith('MariaDB:') || mariadbPrograms() !== undefined)

const copy = new WorkingCopy()
let proven = 0
try {
  announce(`Running the ${new Set(selected.flatMap(({ tests }) => tests)).size} test files as they are`)
  const before = await copy.failures([...new Set(selected.flatMap(({ tests }) => tests))])
  announce(`Switching off ${selected.length} guards`)
  for (const guard of selected) {
    const verdict = await judge(guard, before)
    if (verdict === undefined) proven++
    console.log(
      `      ${verdict === undefined ? 'proven' : 'NOT PROVEN'}  ${guard.name}${verdict ? `: ${verdict}` : ''}`,
    )
  }
} finally {
  copy.remove()
}

console.log(`\n${proven} of ${selected.length} guards proven`)
console.log(
  summary({ passed: proven, failed: selected.length - proven, skipped: asked.length - selected.length }),
)
process.exitCode = proven === selected.length && proven > 0 ? 0 : 1

/** @returns {Promise<string | undefined>} why the guard is not proven */
async function judge({ file, find, replace, tests, reddens }, before) {
  const restore = copy.change(file, find, replace)
  if (restore === undefined) return `${file} has no single place that reads ${JSON.stringify(find)}`
  try {
    const failed = (await copy.failures(tests)).filter((name) => !before.includes(name))
    if (before.some((name) => reddens.test(name))) return 'its test fails without sabotage, too'
    return failed.some((name) => reddens.test(name)) ? undefined : `no test matching ${reddens} failed`
  } finally {
    restore()
  }
}
