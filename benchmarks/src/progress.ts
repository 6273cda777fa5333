/** How often a line is printed where there is no terminal to rewrite one on. */
const EVERY_MS = 10_000

/** Tells on standard error what is being done and since when, on one line of a terminal. */
export class Progress {
  readonly #startedAt = performance.now()
  #printedAt = Number.NEGATIVE_INFINITY

  readonly tell = (text: string): void => {
    const now = performance.now()
    const line = `      ${clock(now - this.#startedAt)}  ${text}`
    if (process.stderr.isTTY) process.stderr.write(`\r${line.slice(0, process.stderr.columns - 1)}\x1b[K`)
    else if (now - this.#printedAt >= EVERY_MS) {
      this.#printedAt = now
      process.stderr.write(`${line}\n`)
    }
  }

  /** Leaves the terminal to what is printed next. @returns how long it took, as told */
  end(): string {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    return clock(performance.now() - this.#startedAt)
  }
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
