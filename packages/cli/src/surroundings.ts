import type { EventEmitter } from 'node:events'

/** What a run of the command needs of the process around it. */
export interface Surroundings {
  /** Gets the answer. */
  readonly stdout: Output
  /** Gets progress, and what went wrong. */
  readonly stderr: Output
  readonly env: NodeJS.ProcessEnv
  /** Emits `SIGINT` and `SIGTERM`. */
  readonly signals: Pick<EventEmitter, 'once' | 'off'>
}

/** As much of a stream as is written to. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}
