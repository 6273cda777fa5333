import { MessageChannel, type MessagePort, postMessageToThread } from 'node:worker_threads'
import { BUDGET_MESSAGE, isGrantMessage } from './budget-messages.ts'
import type { CoordinatorLink } from './coordinator-link.ts'

/** A thread's port, for the thread in which budgets are divided: it closes when the thread ends, in whatever way. */
export interface ConnectMessage {
  readonly type: typeof BUDGET_MESSAGE
  readonly kind: 'connect'
  readonly port: MessagePort
}

export function isConnectMessage(value: unknown): value is ConnectMessage {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Partial<ConnectMessage>).type === BUDGET_MESSAGE &&
    (value as Partial<ConnectMessage>).kind === 'connect'
  )
}

/** From a worker thread to the thread in which budgets are divided. */
export function threadLink(coordinator: number): CoordinatorLink {
  const { port1: own, port2: port } = new MessageChannel()
  own.unref()
  const message: ConnectMessage = { type: BUDGET_MESSAGE, kind: 'connect', port }
  // Where nobody hears it nobody answers, which is told then.
  postMessageToThread(coordinator, message, [port]).catch(() => {})
  return {
    send: (message) => own.postMessage(message),
    listen(listener) {
      const receive = (message: unknown) => {
        if (isGrantMessage(message)) listener(message)
      }
      own.on('message', receive)
      // Listening has made it keep the thread alive.
      own.unref()
      return () => own.off('message', receive)
    },
  }
}
