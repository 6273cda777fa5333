import type { Deadlines } from '../util/deadlines.ts'

export interface DrainOptions {
  readonly deadlines: Deadlines
  readonly deadline: number
  /** Closes what is left then, under its users. */
  readonly force: () => void
}

/** A pool's way from the last loan to the end. */
export class Drain {
  readonly done: Promise<void>
  /** Nothing is left. */
  readonly finish: () => void

  constructor({ deadlines, deadline, force }: DrainOptions) {
    const entry = { deadline, expire: force }
    let resolve!: () => void
    this.done = new Promise<void>((settle) => {
      resolve = settle
    })
    this.finish = () => {
      deadlines.delete(entry)
      resolve()
    }
    deadlines.add(entry)
  }
}
