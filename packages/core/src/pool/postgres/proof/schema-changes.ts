/**
 * Changes of the schema that this process makes itself, through one endpoint. From the moment when one is sent until its
 * session has been scrubbed nothing counts as known; from then on only what was read since.
 */
export class SchemaChanges {
  readonly #underWay = new Set<object>()
  #version = 0

  /** Goes up with each change. */
  get version(): number {
    return this.#version
  }

  get isUnderWay(): boolean {
    return this.#underWay.size > 0
  }

  begin(session: object): void {
    this.#underWay.add(session)
  }

  /** Its transaction is over. */
  end(session: object): void {
    if (this.#underWay.delete(session)) this.#version++
  }
}

const CHANGES = /\b(?:alter|call|create|drop|execute|import|do(?!\s+(?:update|nothing)))\b/i

/** Whether a statement may be one. */
export function mayChangeSchema(sql: string): boolean {
  return CHANGES.test(sql)
}
