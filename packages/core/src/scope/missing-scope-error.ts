import { ScopeMissingError } from '../errors.ts'

export function missingScopeError(): ScopeMissingError {
  return new ScopeMissingError(
    'This code runs outside of every scope, so no shard is known. Run it inside connectedTo(), or in a request behind ' +
      'the shard middleware.',
  )
}
