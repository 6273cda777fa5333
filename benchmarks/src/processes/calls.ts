/** Functions that a process offers to the one that has forked it: one argument, one promise. */
export type Calls<C> = { [M in keyof C]: (argument: never) => Promise<unknown> }

export interface Call {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
