// `npm run test:long`: the suites that have a long form, with their figures in full; about an hour. Arguments go to
// turbo, for instance `npm run test:long -- --filter=@sherd/core`.
import { endWithNpm } from './lib/end-with-npm.mjs'
import { turbo } from './lib/run.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'

endWithNpm()
const announce = steps(3)
await setUp(announce)

announce('Running the figures in full (turbo)')
process.env.SHERD_TEST_LONG = '1'
process.exitCode = await turbo('test:long', '--continue', '--concurrency=1', ...process.argv.slice(2))
