import { type Fault, fault } from './fault.ts'
import type { ProxiedConnection } from './proxied-connection.ts'
import type { Boundary } from './trap.ts'
import type { Traps } from './traps.ts'

export interface CutOptions {
  /**
   * `reset`: the client is cut off; the server gets what was on its way, then the end of the connection.
   * `hold`: nothing passes any more, and both keep their sockets.
   *
   * @default 'reset'
   */
  readonly how?: 'reset' | 'hold'
  /** How often, on whichever connections. @default 1 */
  readonly times?: number
}

/** A fault that lies in wait. Healed, it does so no more, and what it held goes on. */
export interface Cut extends Fault {
  /** Settles when it has happened for the first time. */
  readonly happened: Promise<void>
  /** How often it has happened so far. */
  readonly count: number
}

export function cutAt(traps: Traps<ProxiedConnection>, at: Boundary, options: CutOptions = {}): Cut {
  const { how = 'reset', times = 1 } = options
  const opens: (() => void)[] = []
  let count = 0
  let happen!: () => void
  const happened = new Promise<void>((resolve) => {
    happen = resolve
  })
  const waiting = traps.add(at, (connection) => {
    if (++count >= times) waiting.heal()
    if (how === 'hold') opens.push(connection.hold(['toServer', 'toClient']))
    else connection.cut()
    happen()
  })
  const healing = fault(() => {
    waiting.heal()
    for (const open of opens) open()
  })
  return {
    ...healing,
    happened,
    get count() {
      return count
    },
  }
}
