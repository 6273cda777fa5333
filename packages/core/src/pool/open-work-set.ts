import type { OpenWork } from './open-work.ts'

/** What is open on a lease's connection. */
export class OpenWorkSet {
  /** Most leases never have any. */
  #works: Set<OpenWork> | undefined

  get isEmpty(): boolean {
    return this.#works === undefined || this.#works.size === 0
  }

  add(work: OpenWork): void {
    this.#works ??= new Set()
    this.#works.add(work)
  }

  /** False when it was not there any more. */
  delete(work: OpenWork): boolean {
    return this.#works?.delete(work) ?? false
  }

  abandonAll(error: Error): void {
    // Whoever is abandoned may take itself out.
    for (const work of [...(this.#works ?? [])]) work.abandon(error)
    this.#works?.clear()
  }

  abandonOwned(owner: object, error: Error): void {
    for (const work of [...(this.#works ?? [])]) {
      if (work.owner === owner) work.abandon(error)
    }
  }

  abandonStreams(error: Error): void {
    for (const work of [...(this.#works ?? [])]) {
      if (work.isStream) work.abandon(error)
    }
  }
}
