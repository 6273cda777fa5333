import { spawnSync } from 'node:child_process'

// `npm run test:long`: the figures of the fault matrix, the long chaos, then the report, whatever fails on the way.

const [peers, sherd] = [
  ['--requests', '15000', '--faults', '40', '--max-minutes', '5'],
  ['--requests', '300000', '--faults', '150', '--max-minutes', '45'],
]
const chaos = (variant: string, size: readonly string[] = []) => [
  'tsx',
  'src/chaos/main.ts',
  '--save',
  '--variant',
  variant,
  ...size,
]

const steps: readonly (readonly string[])[] = [
  ['vitest', 'run'],
  chaos('sherd', sherd),
  chaos('pinned', peers),
  chaos('per query', peers),
  ['tsx', 'src/report/main.ts'],
]
for (const [command = '', ...args] of steps) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exitCode = 1
}
