import { z } from 'zod'

const NAME = /^[A-Za-z_][\w.]{0,127}$/

/** Settings become start-up options or `SET` statements: hence the narrow names, and no zero byte in a value. */
export const sessionSchema = z
  .record(
    z.string().regex(NAME, 'is not the name of a setting: letters, digits, `_` and `.` only'),
    z
      .unknown()
      .transform((value, context): string => {
        const simple = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
        if (simple && !String(value).includes('\0')) return String(value)
        context.addIssue({ code: 'custom', message: 'must be a text, a number or a boolean' })
        return z.NEVER
      })
      .meta({ type: ['string', 'number', 'boolean'], examples: ['app'] }),
    { error: 'must be an object of settings' },
  )
  .meta({
    description: 'Settings that every session of the shard starts with and keeps.',
    default: {},
    examples: [{ search_path: 'app' }],
  })
