import { channel } from 'node:diagnostics_channel'
import type { Correlation } from './correlation.ts'
import type { ShardingMessage } from './endpoint-message.ts'

/** `sherd:job:started`: a job, or a message of a batch, has been located and begins. Payload: {@link JobStartedMessage}. */
export const jobStarted = channel('sherd:job:started')

export interface JobStartedMessage extends ShardingMessage {
  /** Such as `job send-mail`. */
  readonly name: string
  readonly shard: string
  readonly role: 'writing' | 'reading'
  /** The tenant's id, where the job has one. */
  readonly tenant?: string
  readonly correlation: Correlation
}

/** `sherd:job:completed`: it has ended, one way or the other. Payload: {@link JobCompletedMessage}. */
export const jobCompleted = channel('sherd:job:completed')

export interface JobCompletedMessage extends JobStartedMessage {
  /** Whether its handler has succeeded. */
  readonly ok: boolean
  /** With the time in which it waited for its connection. */
  readonly durationMs: number
}
