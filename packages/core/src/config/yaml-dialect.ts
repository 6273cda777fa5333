import type { ParseOptions, ScalarTag, SchemaOptions, Tags } from 'yaml'

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/

/**
 * A plain scalar is a number only if the number prints as it was written. `0123`, `1e3`, `1.50` and integers
 * beyond 2^53 stay text: as a tenant id or a setting they keep every digit, as a limit they are refused.
 */
const numberThatRoundTrips: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => typeof value === 'number',
  test: NUMBER,
  resolve: (text) => (String(Number(text)) === text ? Number(text) : text),
}

const NUMBER_TAGS = ['tag:yaml.org,2002:int', 'tag:yaml.org,2002:float']

function withOwnNumbers(tags: Tags): Tags {
  const others = tags.filter((tag) => typeof tag === 'string' || !NUMBER_TAGS.includes(tag.tag))
  return [numberThatRoundTrips, ...others]
}

const shared = {
  version: '1.2',
  customTags: withOwnNumbers,
  // Its messages quote the file, and what stands there may be a password.
  prettyErrors: false,
  logLevel: 'error',
  resolveKnownTags: false,
  stringKeys: true,
} as const

/** How the text of each kind of file is read: YAML 1.2 with merge keys (`<<`), and JSON. */
export const dialects: Readonly<Record<'yaml' | 'json', ParseOptions & SchemaOptions>> = {
  yaml: { ...shared, schema: 'core', merge: true },
  json: { ...shared, schema: 'json' },
}

/** How often aliases may be followed, so that a few lines cannot grow into gigabytes. */
export const MAX_ALIASES = 100
