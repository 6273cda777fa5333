import type { Clock } from '../../../util/clock.ts'
import type { PostgresConnection } from '../postgres-connection.ts'
import { Catalogue } from './catalogue.ts'
import { CATALOGUE_QUERY, type CatalogueRow } from './catalogue-query.ts'
import { mayChangeSchema, type SchemaChanges } from './schema-changes.ts'
import { isOfTransaction, knownShape } from './statement-proof.ts'

export interface SessionTracesOptions {
  readonly connection: PostgresConnection
  readonly changes: SchemaChanges
  readonly clock: Clock
  /** How old the catalogue may be when the session is given back. */
  readonly maxAgeMs: number
}

/** The least time between two looks at the catalogue, in times of what the last one took: a large one must not cost much. */
const REST = 20

/**
 * - `preparing`: it is brought to its baseline, by statements that belong to nobody.
 * - `harmless`: nothing has gone over its wire since but what leaves it as it is.
 * - `touched`: something else has.
 */
type State = 'preparing' | 'harmless' | 'touched'

/**
 * Whether a session is as it was after connecting, judged by all that went over its wire since. In doubt it is not.
 *
 * It stands at the driver's one way out, so that it sees what is sent, not what somebody meant to send.
 */
export class SessionTraces {
  readonly #options: SessionTracesOptions
  /** The driver's own, past {@link SessionTraces}. */
  readonly #query: (text: string) => Promise<{ readonly rows: readonly unknown[] }>
  readonly #watch: PostgresConnection['query']
  #state: State = 'preparing'
  #catalogue: Catalogue | undefined
  #nextReadAt = 0

  constructor(options: SessionTracesOptions) {
    this.#options = options
    const { connection, changes } = options
    this.#query = connection.query as never
    this.#watch = ((...args: unknown[]) => {
      this.#note(args[0] as string | SentStatement)
      return Reflect.apply(this.#query, connection, args)
    }) as never
    connection.query = this.#watch
    // What the server tells by itself: a setting has changed, or the session listens.
    connection.connection.on('parameterStatus', () => this.distrust())
    connection.on('notification', () => this.distrust())
    connection.on('end', () => changes.end(connection))
  }

  /** Nothing has touched it since {@link settle}, and the catalogue that says so still holds. */
  get isClean(): boolean {
    return this.#state === 'harmless' && this.#isWatched && !this.#options.changes.isUnderWay && this.#isKnown
  }

  /** Who has the connection can put another way out in the place of this one. */
  get #isWatched(): boolean {
    return this.#options.connection.query === this.#watch
  }

  get #isKnown(): boolean {
    const { changes, clock, maxAgeMs } = this.#options
    const catalogue = this.#catalogue
    if (catalogue === undefined || catalogue.version !== changes.version) return false
    return clock.now() - catalogue.readAt <= maxAgeMs
  }

  /** Somebody may use the session past what is seen here. */
  distrust(): void {
    if (this.#state === 'harmless') this.#state = 'touched'
  }

  /** Its transaction is over, and it is about to be brought to its baseline. */
  prepare(): void {
    this.#state = 'preparing'
    this.#options.changes.end(this.#options.connection)
  }

  /** It is in its baseline. Looks at the catalogue where what is known of it does not hold any more. */
  async settle(): Promise<void> {
    const { clock } = this.#options
    if (!this.#isKnown && clock.now() >= this.#nextReadAt) {
      const startedAt = clock.now()
      this.#catalogue = await this.#read(startedAt)
      const now = clock.now()
      this.#nextReadAt = now + REST * (now - startedAt)
    }
    this.#state = this.#catalogue === undefined ? 'touched' : 'harmless'
  }

  async #read(readAt: number): Promise<Catalogue | undefined> {
    const { connection, changes } = this.#options
    const { version } = changes
    try {
      const { rows } = await this.#query.call(connection, CATALOGUE_QUERY)
      return new Catalogue(rows[0] as CatalogueRow, { readAt, version })
    } catch {
      // A server that cannot be asked serves all the same.
      return undefined
    }
  }

  #note(statement: string | SentStatement): void {
    if (this.#state === 'preparing') return
    if (this.#state === 'harmless' && !this.#isHarmless(statement)) this.#state = 'touched'
    if (this.#state === 'harmless') return
    const text = typeof statement === 'string' ? statement : (statement.text ?? statement.cursor?.text)
    const { changes, connection } = this.#options
    if (text === undefined || mayChangeSchema(text)) changes.begin(connection)
  }

  #isHarmless(statement: string | SentStatement): boolean {
    const text = typeof statement === 'string' ? statement : plainText(statement)
    if (text === undefined) return false
    const shape = this.#options.connection.isSendingBuilt ? knownShape(text) : undefined
    if (shape !== undefined && this.#catalogue !== undefined) return this.#catalogue.permits(shape)
    return text === '' || isOfTransaction(text)
  }
}

/** What node-postgres takes: an object with a text, or one that submits itself, such as a cursor. */
interface SentStatement {
  readonly text?: string
  readonly name?: string
  readonly submit?: unknown
  /** Of pg-query-stream. */
  readonly cursor?: { readonly text?: string }
}

/** Undefined for what is more than a text with bindings: a named statement stays in the session, a cursor reads on. */
function plainText({ text, name, submit }: SentStatement): string | undefined {
  return name === undefined && submit === undefined ? text : undefined
}
