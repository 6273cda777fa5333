import { describe } from 'vitest'
import { describeAnswers } from './answers.ts'
import { describeBodies } from './bodies.ts'
import { describeClientsThatLeave } from './clients-that-leave.ts'
import { describeClosing } from './closing.ts'
import { describeHandlers } from './handlers.ts'
import type { StartApp } from './host.ts'
import { describeIsolation } from './isolation.ts'
import { describeNesting } from './nesting.ts'
import { describeOneConnection } from './one-connection.ts'
import { describeOptions } from './options.ts'
import { describeReadYourWrites } from './read-your-writes.ts'
import { describeResponses } from './responses.ts'
import { describeScopes } from './scopes.ts'
import { describeSockets } from './sockets.ts'
import { describeStreams } from './streams.ts'

export type { Group, Handler, HostApp, HostRequest, HostResponse, Route, StartApp } from './host.ts'

/** What every framework's adapter has to do, declared as tests. */
export function describeHost(name: string, startApp: StartApp): void {
  describe(`the contract in ${name}`, () => {
    for (const part of parts) part(name, startApp)
  })
}

const parts = [
  describeScopes,
  describeOptions,
  describeNesting,
  describeAnswers,
  describeOneConnection,
  describeIsolation,
  describeReadYourWrites,
  describeBodies,
  describeStreams,
  describeHandlers,
  describeResponses,
  describeClientsThatLeave,
  describeSockets,
  describeClosing,
]
