/** How long a request or job lasts, as a signal that costs nothing until somebody reads it. */
export class ScopeLife {
  #controller: AbortController | undefined
  #ended: { readonly reason: unknown } | undefined

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#ended ??= { reason }
    this.#controller?.abort(reason)
  }
}
