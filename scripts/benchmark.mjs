// `npm run benchmark`: what Sherd costs, beside what people use today; half an hour. Names of suites run those alone:
// `npm run benchmark -- pool`. With `--quick` only to see that it works.
import { endWithNpm } from './lib/end-with-npm.mjs'
import { run } from './lib/run.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'

endWithNpm()
const announce = steps(3)
await setUp(announce)

announce('Measuring')
// Its cache in the temporary folder would be left there.
process.env.TSX_DISABLE_CACHE = '1'
process.exitCode = await run('tsx', ['benchmarks/src/main.ts', ...process.argv.slice(2)])
