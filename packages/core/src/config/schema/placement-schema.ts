import type { IntegerRange, SlotRange } from '../resolved-config.ts'
import { SLOT_COUNT } from '../slot-count.ts'
import { group, parsed } from './option.ts'

const INTEGER = /^(0|-?[1-9]\d*)$/
const SLOTS = /^(\d{1,5})(?:-(\d{1,5}))?$/

const integerJson = { type: ['integer', 'string'], pattern: INTEGER.source }

function integer(description: string, example: number) {
  return parsed(readInteger, { description, example, json: integerJson })
}

/** A half-open range of whole numbers. */
export const rangeSchema = group(
  {
    from: integer('First id of the range.', 1),
    to: integer('First id above the range; without it the range has no end.', 1000),
  },
  { description: 'Whole numbers from `from` up to, not including, `to`.', example: { from: 1, to: 1000 } },
)
  .transform((range, context): IntegerRange => {
    if (range.from !== undefined && (range.to === undefined || range.from < range.to)) {
      return { from: range.from, to: range.to }
    }
    const message = range.from === undefined ? 'has no `from`' : 'is empty: `from` must be below `to`'
    context.addIssue({ code: 'custom', message })
    return { from: 0n, to: 0n }
  })
  .meta({ examples: [{ from: 1, to: 1000 }], required: ['from'] })

/** One slot or an inclusive range of slots, as Redis Cluster writes them. */
export const slotsSchema = parsed(readSlots, {
  description: 'A slot, or a first and last slot with a hyphen between.',
  example: '0-5460',
  json: { type: ['string', 'integer'], pattern: SLOTS.source, minimum: 0, maximum: SLOT_COUNT - 1 },
})

function readInteger(value: unknown): { value: bigint } | string {
  if (typeof value === 'bigint') return { value }
  if (Number.isSafeInteger(value)) return { value: BigInt(Number(value)) }
  // Whole numbers too large for JavaScript's numbers arrive as the text that stands in the file.
  if (typeof value === 'string' && value.length < 256 && INTEGER.test(value)) return { value: BigInt(value) }
  return 'must be a whole number'
}

function readSlots(value: unknown): { value: SlotRange } | string {
  const [, first, last = first] = SLOTS.exec(typeof value === 'number' ? String(value) : text(value)) ?? []
  const range = { first: Number(first), last: Number(last) }
  if (range.first <= range.last && range.last < SLOT_COUNT) return { value: range }
  return `must be a slot from 0 to ${SLOT_COUNT - 1}, or a range such as \`0-5460\` whose first slot comes first`
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
