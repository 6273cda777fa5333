import express from 'express'
import express4 from 'express4'

export type Express = typeof express

/** The versions that are supported, for `describe.each`. */
export const expressVersions: readonly (readonly [string, Express])[] = [
  ['Express 5', express],
  ['Express 4', express4],
]
