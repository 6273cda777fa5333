import { readFileSync, writeFileSync } from 'node:fs'
import { chaosTable, outageTable } from './chaos-table.ts'
import type { Machine } from './machine.ts'
import { replaceBetween } from './markdown.ts'
import { matrixTable } from './matrix-table.ts'
import { savedChaos } from './saved-chaos.ts'

// Writes what the last long run has measured into docs/reliability.md.

const PAGE = new URL('../../../../docs/reliability.md', import.meta.url)

function described({ cores, processor, memoryGiB, system, node, postgres }: Machine): string {
  return `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}; Node ${node}, PostgreSQL ${postgres}`
}

const runs = savedChaos()
const parts: Record<string, string> = { matrix: matrixTable() }
const [first] = runs
if (first !== undefined) {
  parts['chaos'] = `As run on ${first.at.slice(0, 10)}: ${described(first.machine)}.\n\n${chaosTable(runs)}`
  parts['outages'] = outageTable(runs)
}
const page = Object.entries(parts).reduce(
  (text, [name, part]) => replaceBetween(text, name, part),
  readFileSync(PAGE, 'utf8'),
)
writeFileSync(PAGE, page)
