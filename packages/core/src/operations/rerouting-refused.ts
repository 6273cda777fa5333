import { type Rerouting, ReroutingRefusedError } from '../errors.ts'
import { quote } from '../util/quote.ts'

/** How many a message names. */
const NAMED = 10

const KINDS: Readonly<Record<Rerouting['kind'], (subject: string) => string>> = {
  tenant: (id) => `tenant ${quote(id)}`,
  range: (ids) => `ids ${ids}`,
  slots: (slots) => `slots ${slots}`,
  remainder: (remainder) => `ids with the remainder ${remainder}`,
  strategy: (name) => `ids that \`${name}\` places`,
}

export function reroutingRefused(reroutings: readonly Rerouting[]): ReroutingRefusedError {
  const named = reroutings
    .slice(0, NAMED)
    .map(({ kind, subject, from, to }) => `${KINDS[kind](subject)} from ${from} to ${to}`)
  const more = reroutings.length - named.length
  return new ReroutingRefusedError(
    `The new configuration was not taken, for it routes elsewhere what is there: ${named.join('; ')}` +
      `${more > 0 ? `; and ${more} more` : ''}. Rows do not follow by themselves. Once they are where the new ` +
      'configuration looks for them, reload with `allowRerouting: true`.',
    { reroutings },
  )
}
