import type { z } from 'zod'
import type { ConfigSource } from './config-source.ts'
import type { Overridden } from './override-blocks.ts'
import { type Reading, readOverridden, unreadable } from './reading.ts'
import { type ShardInput, shardSchema } from './schema/shard-schema.ts'
import { type ShardingInput, shardingSchema } from './schema/sharding-schema.ts'

/** Everything a configuration says, source by source. */
export interface Readings {
  /** All sources in the order in which they are reported: what concerns all shards, then shard by shard. */
  readonly sources: readonly ConfigSource[]
  readonly main: Reading<ShardingInput>
  readonly shards: readonly ShardReading[]
}

/** A shard's name and what is said about it. */
export interface ShardReading extends Reading<ShardInput> {
  readonly name: string
}

/** A source whose blocks for environments have been laid over it. */
export interface Part {
  readonly source: ConfigSource
  /** Undefined where the content cannot be read. */
  readonly content: Overridden | undefined
}

/** Fills in and checks all parts of a configuration. */
export function readParts(main: Part, shards: readonly Part[], env: NodeJS.ProcessEnv): Readings {
  return {
    sources: [main.source, ...shards.map(({ source }) => source)],
    main: readPart(main, shardingSchema, env) ?? unreadable(main.source),
    shards: shards.flatMap((part) => {
      const reading = readPart(part, shardSchema, env)
      const name = part.source.shard
      return reading === undefined || name === undefined ? [] : [{ ...reading, name }]
    }),
  }
}

function readPart<S extends z.ZodType>({ source, content }: Part, schema: S, env: NodeJS.ProcessEnv) {
  return content === undefined ? undefined : readOverridden(content, source, { schema, env })
}
