// `npm start`: everything from a fresh clone to the running example. Arguments go to the example.
import path from 'node:path'
import { endWithNpm } from './lib/end-with-npm.mjs'
import { root } from './lib/root.mjs'
import { setUp } from './lib/set-up.mjs'
import { steps } from './lib/steps.mjs'

endWithNpm()
const announce = steps(3)
await setUp(announce)

announce('Starting examples/express-tenants')
process.chdir(path.join(root, 'examples', 'express-tenants'))
// In this process and not in a child: signals, the exit code and a sudden end are the example's own.
// Its cache in the temporary folder would be left there.
process.env.TSX_DISABLE_CACHE = '1'
const { register } = await import('tsx/esm/api')
register()
await import('../examples/express-tenants/src/main.ts')
