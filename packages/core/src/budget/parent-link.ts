import { isGrantMessage } from './budget-messages.ts'
import type { CoordinatorLink } from './coordinator-link.ts'

/** From a process to the one that has forked it: `node:cluster`, or `fork` of `node:child_process`. */
export function parentLink(): CoordinatorLink {
  return {
    send(message) {
      // With a callback a channel that is closed throws nothing (https://nodejs.org/api/process.html#processsendmessage-sendhandle-options-callback).
      if (process.connected) process.send?.(message, undefined, undefined, () => {})
    },
    listen(listener) {
      const receive = (message: unknown) => {
        if (isGrantMessage(message)) listener(message)
      }
      process.on('message', receive)
      return () => process.off('message', receive)
    },
  }
}
