import { z } from 'zod'
import { annotations } from './schema-at.ts'
import { shardSchema } from './shard-schema.ts'
import { shardingSchema } from './sharding-schema.ts'

type Json = Record<string, unknown>

const BLOCK = '^\\$(production|development|test|env\\..+)$'
const NO_BLOCK = '^(?!\\$(production|development|test|env\\..+)$)'
const PLACEHOLDER = { type: 'string', pattern: '^\\$\\{[^}]+\\}$' }
/** In a text there may be more beside it: `${REGION}.example.com`. */
const TEXT_WITH_PLACEHOLDER = { type: 'string', pattern: '\\$\\{[^}]+\\}' }
const ANNOTATIONS = ['description', 'default', 'examples']

/**
 * The JSON Schema of `sharding.yaml`, from what the validator itself goes by. Draft 7, which every editor knows.
 * It cannot see what only shows over several files (placement, contradicting limits, drivers).
 */
export function shardingJsonSchema(): Json {
  return withBlocks({
    title: "Sherd's sharding.yaml: what concerns all shards",
    ...jsonSchemaOf(shardingSchema),
  })
}

/** The JSON Schema of one file under `shards/`. */
export function shardJsonSchema(): Json {
  const schema = withBlocks({ title: "One of Sherd's shards", ...jsonSchemaOf(shardSchema) })
  // With blocks for environments, each of them may bring a connection of its own.
  // biome-ignore lint/suspicious/noThenProperty: the name is JSON Schema's, and nobody awaits a schema
  return { ...schema, if: { propertyNames: { pattern: NO_BLOCK } }, then: { required: ['connection'] } }
}

function jsonSchemaOf(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ jsonSchema, zodSchema, path }) => {
      // Left out by zod where a value is read by a function of ours.
      Object.assign(jsonSchema, pick(annotations(zodSchema), ['default', 'examples']))
      if (path.at(-1) !== 'propertyNames') allowPlaceholder(jsonSchema as Json)
    },
  }) as Json
}

/** A number, a word of a list or a text of a certain form may also be one `${…}`, whose value nobody knows yet. */
function allowPlaceholder(schema: Json): void {
  const types = [schema['type']].flat()
  const isLeaf = 'type' in schema && !types.includes('object') && !types.includes('array')
  const takesAnyText = types.includes('string') && !('pattern' in schema) && !('enum' in schema)
  if (!isLeaf || takesAnyText) return
  const constraints = Object.entries(schema).filter(([key]) => !ANNOTATIONS.includes(key))
  for (const [key] of constraints) delete schema[key]
  const placeholder = types.includes('string') ? TEXT_WITH_PLACEHOLDER : PLACEHOLDER
  schema['anyOf'] = [Object.fromEntries(constraints), placeholder]
}

function pick(from: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]))
}

/** Adds the blocks for environments: the same options once more, by reference. */
function withBlocks(schema: Json): Json {
  const names = Object.keys(schema['properties'] as Json).filter((name) => name !== '$schema')
  const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/properties/${name}` }]))
  return {
    ...schema,
    patternProperties: {
      [BLOCK]: {
        description: 'Overrides the rest of the file when NODE_ENV has this name.',
        type: 'object',
        properties,
        additionalProperties: false,
      },
    },
  }
}
