/** What was asked for cannot be done as it was written; its message is one line. */
export class InputError extends Error {
  override readonly name = 'InputError'
}
