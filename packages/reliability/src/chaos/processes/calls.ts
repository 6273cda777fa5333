/** Functions that another process offers. Of their arguments and results copies travel. */
export type Calls<C> = { readonly [M in keyof C]: (argument: never) => Promise<unknown> }

export interface Call {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
