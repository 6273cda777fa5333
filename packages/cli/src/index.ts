export type { ExitCode } from './exit-code.ts'
export { main } from './main.ts'
export type { Output, Surroundings } from './surroundings.ts'
