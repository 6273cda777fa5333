/** How bytes travel. */
export interface Shape {
  /** Milliseconds by which bytes are late, each way. @default 0 */
  readonly toServerMs: number
  /** @default 0 */
  readonly toClientMs: number
  /** Each way; undefined is as fast as it goes. */
  readonly bytesPerSecond: number | undefined
  /** Bytes that are written at once; undefined is as they come. */
  readonly sliceBytes: number | undefined
  /** Milliseconds after which one side is told that the other has closed its socket. @default 0 */
  readonly closeMs: number
}

export const STRAIGHT: Shape = {
  toServerMs: 0,
  toClientMs: 0,
  bytesPerSecond: undefined,
  sliceBytes: undefined,
  closeMs: 0,
}

/** In how many steps a second's bytes are written. */
const STEPS = 50

/** The pieces in which bytes are written. */
export function* slices(bytes: Buffer, { sliceBytes, bytesPerSecond }: Shape): Generator<Buffer> {
  const step = bytesPerSecond === undefined ? bytes.length : Math.max(1, Math.round(bytesPerSecond / STEPS))
  const size = Math.min(sliceBytes ?? bytes.length, step)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
