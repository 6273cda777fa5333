import { z } from 'zod'
import type { Path } from '../path.ts'

/** What a schema asks of the value at `path`, or undefined where it knows no such place. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  const [segment, ...rest] = path
  if (segment === undefined) return schema
  const child = childOf(schema, segment)
  return child === undefined ? undefined : schemaAt(child, rest)
}

/** Names of the options that an object may have, or undefined where the schema is not one of an object. */
export function optionNames(schema: z.core.$ZodType): string[] | undefined {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape)
  const inner = innerOf(schema)
  if (inner !== undefined) return optionNames(inner)
  return optionsOf(schema)
    .map(optionNames)
    .find((names) => names !== undefined)
}

/** What is said about an option, through the layers (optional, nullable, transformed) that lie around it. */
export function annotations(schema: z.core.$ZodType): z.core.GlobalMeta {
  const inner = innerOf(schema)
  return z.globalRegistry.get(schema) ?? (inner === undefined ? {} : annotations(inner))
}

function childOf(schema: z.core.$ZodType, segment: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject)
    return Object.hasOwn(schema.shape, segment) ? schema.shape[segment] : undefined
  if (schema instanceof z.ZodArray) return typeof segment === 'number' ? schema.element : undefined
  if (schema instanceof z.ZodRecord) return schema.valueType
  const inner = innerOf(schema)
  if (inner !== undefined) return childOf(inner, segment)
  return optionsOf(schema)
    .map((option) => childOf(option, segment))
    .find((child) => child !== undefined)
}

function innerOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return schema.unwrap()
  return schema instanceof z.ZodPipe ? schema.in : undefined
}

function optionsOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  return schema instanceof z.ZodUnion ? schema.options : []
}
