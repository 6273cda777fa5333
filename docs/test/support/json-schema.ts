import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** As much of JSON Schema as those that ship use. */
export interface Node {
  readonly type?: string | readonly string[]
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly string[]
  readonly not?: object
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | false
  readonly items?: Node
  readonly required?: readonly string[]
  readonly then?: { readonly required: readonly string[] }
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
}

/** A schema as users get it. */
export function shippedSchema(name: 'sharding' | 'shard'): Node {
  const path = fileURLToPath(import.meta.resolve(`@sherd/core/schema/${name}.schema.json`))
  return JSON.parse(readFileSync(path, 'utf8')) as Node
}

export interface Option {
  readonly name: string
  readonly type: string
  /** `ms` or nothing: what a name says about its unit. */
  readonly isDuration: boolean
  readonly default: string
}

/** Every option below a node, by its path, in words; `leaveOut` names paths whose insides are described elsewhere. */
export function optionsOf(node: Node, leaveOut: readonly string[], prefix = ''): Option[] {
  const required = [...(node.required ?? []), ...(node.then?.required ?? [])]
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const name = `${prefix}${key}`
    const option: Option = {
      name,
      type: typeOf(child),
      isDuration: name.endsWith('Ms'),
      default: required.includes(key) ? 'required' : defaultOf(child),
    }
    if (leaveOut.includes(name)) return [option]
    const inner = child.properties === undefined ? (child.items ?? child.anyOf?.[0] ?? child) : child
    const suffix = child.items === undefined ? '.' : '[].'
    return [option, ...optionsOf(inner, leaveOut, `${name}${suffix}`)]
  })
}

function defaultOf({ default: value }: Node): string {
  if (value === undefined) return 'none'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

const LONGEST_MS = 2 ** 31 - 1

/** The type as the documentation writes it. */
function typeOf(node: Node): string {
  if (node.not !== undefined) return 'function'
  if (node.anyOf !== undefined) return node.anyOf.filter(isNoPlaceholder).map(typeOf).join(' or ')
  if (node.enum !== undefined) return `one of ${node.enum.map((word) => `\`${word}\``).join(', ')}`
  if (Array.isArray(node.type)) return words(node.type)
  if (node.type === 'array') return `list of ${typeOf(node.items ?? {})}`
  if (node.type === 'null') return '`null`'
  if (node.type === 'object' && node.additionalProperties)
    return `object of ${typeOf(node.additionalProperties)}`
  if (node.type === 'integer') return `integer${boundsOf(node)}`
  return (node.type as string | undefined) ?? 'any'
}

function boundsOf({ minimum, maximum }: Node): string {
  return maximum === LONGEST_MS ? ` ≥ ${minimum}` : `, ${minimum} to ${maximum}`
}

function words(types: readonly string[]): string {
  const last = types.at(-1)
  return types.length > 2 ? `${types.slice(0, -1).join(', ')} or ${last}` : types.join(' or ')
}

/** Instead of a number or a word there may be one `${…}`; that is said once for all options. */
function isNoPlaceholder({ pattern }: Node): boolean {
  return !pattern?.includes('\\$\\{')
}
