import { parseArgs } from 'node:util'
import { describeMachine } from '../report/machine.ts'
import { saveChaos } from '../report/saved-chaos.ts'
import { RULES, type Rule } from './history/findings.ts'
import { VARIANT_NAMES, type VariantName } from './host/host-calls.ts'
import { type ChaosResult, runChaos } from './run-chaos.ts'

// `pnpm chaos --seed 7 --requests 20000`: one chaos run; ends with 1 if Sherd did what it must not.

const { values } = parseArgs({
  options: {
    variant: { type: 'string', default: 'sherd' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    requests: { type: 'string', default: '20000' },
    faults: { type: 'string', default: '20' },
    'max-minutes': { type: 'string', default: '10' },
    outages: { type: 'boolean', default: true },
    /** Keep what came of it for the report. */
    save: { type: 'boolean', default: false },
  },
  allowNegative: true,
})

function parseVariant(name: string): VariantName {
  const variant = VARIANT_NAMES.find((each) => each === name)
  if (variant === undefined) throw new Error(`--variant is one of ${VARIANT_NAMES.join(', ')}; not ${name}`)
  return variant
}

function print({ options, load, faults, records, outages, violations }: ChaosResult): void {
  const seconds = Math.round(load.ms / 1000)
  console.log(`${options.variant}, seed ${options.seed}: ${load.requests} requests in ${seconds} s`)
  console.log({ outcomes: load.outcomes, faults: faults.length, records, outages })
  for (const rule of Object.keys(RULES) as Rule[]) {
    const { count, examples } = violations[rule]
    console.log(`${String(count).padStart(6)}  ${RULES[rule]}`)
    for (const example of examples) console.log(`        ${example}`)
  }
}

const variant = parseVariant(values.variant)
console.log(`seed ${values.seed}`)
const result = await runChaos({
  variant,
  seed: Number(values.seed),
  requests: Number(values.requests),
  faults: Number(values.faults),
  maxMs: Number(values['max-minutes']) * 60_000,
  outages: values.outages,
})
print(result)
if (values.save) saveChaos({ result, machine: await describeMachine(), at: new Date().toISOString() })
const violations = Object.values(result.violations).reduce((sum, { count }) => sum + count, 0)
if (variant === 'sherd' && violations > 0) process.exitCode = 1
