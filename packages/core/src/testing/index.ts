export { type ExpectReleasedOptions, expectReleased } from './expect-released.ts'
