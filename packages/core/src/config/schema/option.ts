import { z } from 'zod'

/**
 * What is said about an option, beside its type: in the JSON Schema, in the documentation and in the mend of an
 * error. The message of every check below is the rest of a sentence that starts with the option's name.
 */
export interface About {
  /** What it means. One sentence. */
  readonly description: string
  /** What holds where it is left out. */
  readonly default?: unknown
  /** A value to show to somebody who got it wrong. */
  readonly example: unknown
}

/** Longest time that Node's timers can wait. */
export const LONGEST_MS = 2 ** 31 - 1

function meta({ example, ...about }: About): Record<string, unknown> {
  return { ...about, examples: [example] }
}

/** A whole number within bounds. */
export function count(min: number, max: number, about: About) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error }).meta(meta(about))
}

/** The same, or null where it can be switched off. */
export function countOrOff(min: number, max: number, about: About) {
  const error = `must be a whole number from ${min} to ${max}, or null for "off"`
  return z.int({ error }).min(min, { error }).max(max, { error }).nullable().meta(meta(about))
}

/** A time in milliseconds. */
export function duration(about: About) {
  const error = `must be a whole number of milliseconds from 1 to ${LONGEST_MS}`
  return z.int({ error }).min(1, { error }).max(LONGEST_MS, { error }).meta(meta(about))
}

/** A time in milliseconds, or null where it can be switched off. Never 0. */
export function durationOrOff(about: About) {
  const error = `must be a whole number of milliseconds from 1 to ${LONGEST_MS}, or null for "off"`
  return z.int({ error }).min(1, { error }).max(LONGEST_MS, { error }).nullable().meta(meta(about))
}

/** A text that is not empty. */
export function text(about: About) {
  const error = 'must be a text that is not empty'
  return z.string({ error }).min(1, { error }).meta(meta(about))
}

/** A text of a certain form. */
export function textLike(pattern: RegExp, form: string, about: About) {
  const error = `must be ${form}`
  return z.string({ error }).regex(pattern, { error }).meta(meta(about))
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T, about: About) {
  const listed = words.map((word) => `\`${word}\``).join(', ')
  return z.enum(words, { error: `must be one of ${listed}` }).meta(meta(about))
}

/** A group of options. Every option may be left out; what must be there is looked at once all layers are merged. */
export function group<T extends z.ZodRawShape>(options: T, about: About) {
  return z.strictObject(options, { error: 'must be an object with options' }).partial().meta(meta(about))
}

/** A list. */
export function list<T extends z.ZodType>(item: T, about: About) {
  return z.array(item, { error: 'must be a list' }).meta(meta(about))
}

/** Whether the programmer's function can stand here. Only in a configuration object. */
export function func<T extends (...args: never[]) => unknown>(about: About) {
  return z
    .custom<T>(
      (value) => typeof value === 'function',
      'must be a function, which only a configuration object can hold',
    )
    .meta({ ...meta(about), not: {} })
}

/** A value that is read by a function of ours, which returns the complaint as a text where it cannot. */
export function parsed<T>(read: (value: unknown) => { value: T } | string, about: About & { json: object }) {
  const { json, ...rest } = about
  return z
    .unknown()
    .transform((value, context): T => {
      const result = read(value)
      if (typeof result !== 'string') return result.value
      context.addIssue({ code: 'custom', message: result })
      return z.NEVER
    })
    .meta({ ...meta(rest), ...json })
}
