import type { z } from 'zod'
import { annotations } from './schema-at.ts'

/** The defaults of a group of options, from the annotations that the JSON Schema and the documentation show too. */
export function defaultsOf(schema: z.ZodObject): Readonly<Record<string, unknown>> {
  const options = Object.entries(schema.shape).map(
    ([name, option]) => [name, annotations(option)['default']] as const,
  )
  return Object.freeze(Object.fromEntries(options.filter(([, value]) => value !== undefined)))
}
