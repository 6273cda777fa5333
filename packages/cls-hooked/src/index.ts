export { type BridgeOptions, bridgeNamespace } from './bridge-namespace.ts'
export type { ClsNamespace } from './cls-namespace.ts'
