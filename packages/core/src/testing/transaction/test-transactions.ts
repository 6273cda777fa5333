import type { Engine } from '../../pool/engine.ts'
import { createEngine } from '../../pool/engines.ts'
import type { KnexClient } from '../../pool/knex-internals.ts'
import type { Detour } from '../../pool/pool-registry.ts'
import type { RawConnection } from '../../pool/raw-connection.ts'
import type { Endpoint, Shard } from '../../topology/topology.ts'
import type { Clock } from '../../util/clock.ts'
import { within } from '../../util/within.ts'
import { createTestSession } from './create-test-session.ts'
import { testEndpoint } from './test-endpoint.ts'
import type { TestSession } from './test-session.ts'

/** The server rolls back by itself when the session ends; only then nobody says whether there was something to. */
const ROLLBACK_MS = 500

let tests = 0

/** The transactions of one test: one for each shard that it uses, on the shard's one connection, begun on first use. */
export class TestTransactions implements Detour {
  readonly #number = ++tests
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #sessions = new Map<RawConnection, TestSession>()
  readonly #begun = new Set<string>()
  /** Shards whose transaction was ended by a statement of the test. */
  readonly lost = new Set<string>()

  endpoint(shard: Shard): Endpoint {
    let endpoint = this.#endpoints.get(shard.name)
    if (endpoint === undefined) {
      endpoint = testEndpoint(shard.primary, `${shard.name}/test-${this.#number}`)
      this.#endpoints.set(shard.name, endpoint)
    }
    return endpoint
  }

  /** Whether the endpoint is one of this test's. */
  has(endpoint: Endpoint): boolean {
    return this.#endpoints.get(endpoint.shard) === endpoint
  }

  readonly createEngine = (endpoint: Endpoint, client: KnexClient, clock: Clock): Engine => {
    const engine = createEngine(endpoint, client, clock)
    return {
      ...engine,
      open: async (signal, onLost) => {
        this.#assertFirst(endpoint)
        const connection = await engine.open(signal, () => onLost(session.connection))
        const session = createTestSession(endpoint, connection)
        try {
          await session.begin()
          signal.throwIfAborted()
        } catch (error) {
          await engine.close(connection)
          throw error
        }
        this.#begun.add(endpoint.shard)
        this.#sessions.set(session.connection, session)
        return session.connection
      },
      close: async (connection) => {
        await this.#rollBack(endpoint, connection)
        await engine.close(connection)
      },
    }
  }

  async #rollBack({ shard }: Endpoint, connection: RawConnection): Promise<void> {
    const session = this.#sessions.get(connection)
    this.#sessions.delete(connection)
    if (session === undefined || connection.__knex__disposed) return
    const wasThere = await within(ROLLBACK_MS, session.rollBack()).catch(() => true)
    if (!wasThere) this.lost.add(shard)
  }

  #assertFirst({ shard }: Endpoint): void {
    if (!this.#begun.has(shard)) return
    throw new Error(
      `The connection of this test to shard "${shard}" has ended, and with it went everything that the test had ` +
        'written there. A test that ends connections needs createTestSharding() alone.',
    )
  }
}
