import { randomUUID } from 'node:crypto'

/**
 * What the events of one request, job or outermost `connectedTo` have in common: in all of them it is the same object, so
 * that it can be the key of a `WeakMap`. Holds no tenant.
 */
export class Correlation {
  readonly #requestId: () => string | undefined
  #id: string | undefined
  #fields: Record<string, unknown> | undefined

  constructor(requestId: () => string | undefined = () => undefined) {
    this.#requestId = requestId
  }

  /** For listeners, to keep what they need from one event to the next. Sherd never looks at it. */
  get fields(): Record<string, unknown> {
    this.#fields ??= {}
    return this.#fields
  }

  /** Unique. */
  get id(): string {
    this.#id ??= randomUUID()
    return this.#id
  }

  /** The framework's id of the request, else its header `x-request-id`; undefined where there is none. */
  get requestId(): string | undefined {
    return this.#requestId()
  }

  toJSON(): { id: string; requestId?: string } {
    const { id, requestId } = this
    return requestId === undefined ? { id } : { id, requestId }
  }
}

/** Who has a correlation, made when somebody first asks for it. */
export interface Correlated {
  readonly correlation: Correlation
}

/** A correlation that costs nothing until somebody asks for it. */
export class LazyCorrelation implements Correlated {
  readonly #requestId: (() => string | undefined) | undefined
  #correlation: Correlation | undefined

  constructor(requestId?: () => string | undefined) {
    this.#requestId = requestId
  }

  get correlation(): Correlation {
    this.#correlation ??= new Correlation(this.#requestId)
    return this.#correlation
  }
}
