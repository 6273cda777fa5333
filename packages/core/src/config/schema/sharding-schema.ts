import { z } from 'zod'
import { limitsSchema, serversSchema, workersSchema } from './limits-schema.ts'
import { group } from './option.ts'
import { routerSchema } from './router-schema.ts'
import { schemaReference, sharedDatabaseSchema, sharedOptions } from './shard-schema.ts'
import { tenantSourceSchema } from './tenant-source-schema.ts'

/** The file `sharding.yaml`: what concerns all shards. */
export const shardingSchema = group(
  {
    $schema: schemaReference.meta({
      description: 'Where the JSON Schema of this file is, for editors.',
      examples: ['../node_modules/@sherd/core/schema/sharding.schema.json'],
    }),
    router: routerSchema,
    tenant: z
      .union([tenantSourceSchema, z.array(tenantSourceSchema)], {
        error: 'must be a source such as `{ header: x-tenant-id }`, or a list of sources',
      })
      .meta({
        description: 'Where requests carry their tenant; of a list, the first source that answers.',
        default: [],
        examples: [{ header: 'x-tenant-id' }],
      }),
    defaults: group(sharedOptions, {
      description: 'What holds for every shard that does not say otherwise.',
      example: { client: 'pg', pool: { max: 10 } },
    }),
    shared: sharedDatabaseSchema,
    limits: limitsSchema,
    servers: serversSchema,
    workers: workersSchema,
  },
  { description: 'What concerns all shards.', example: { router: { strategy: 'static' } } },
)

export type ShardingInput = z.output<typeof shardingSchema>
