export type Side = 'client' | 'server'

/** One message of PostgreSQL's protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html */
export interface Message {
  readonly from: Side
  /** As the protocol's documentation calls it: `Query`, `Parse`, `ReadyForQuery`, … */
  readonly type: string
  /** The statement of Query and Parse, the tag of CommandComplete (`COMMIT`, `INSERT 0 1`), as far as it was kept. */
  readonly text: string
}

/** Tells whether a message is the one that is meant. */
export type MessagePattern = (message: Message) => boolean

const CLIENT_TYPES: Readonly<Record<string, string>> = {
  B: 'Bind',
  C: 'Close',
  D: 'Describe',
  E: 'Execute',
  F: 'FunctionCall',
  H: 'Flush',
  P: 'Parse',
  Q: 'Query',
  S: 'Sync',
  X: 'Terminate',
  c: 'CopyDone',
  d: 'CopyData',
  f: 'CopyFail',
  p: 'PasswordMessage',
}

const SERVER_TYPES: Readonly<Record<string, string>> = {
  1: 'ParseComplete',
  2: 'BindComplete',
  3: 'CloseComplete',
  A: 'NotificationResponse',
  C: 'CommandComplete',
  D: 'DataRow',
  E: 'ErrorResponse',
  G: 'CopyInResponse',
  H: 'CopyOutResponse',
  I: 'EmptyQueryResponse',
  K: 'BackendKeyData',
  N: 'NoticeResponse',
  R: 'Authentication',
  S: 'ParameterStatus',
  T: 'RowDescription',
  Z: 'ReadyForQuery',
  c: 'CopyDone',
  d: 'CopyData',
  n: 'NoData',
  s: 'PortalSuspended',
  t: 'ParameterDescription',
}

/** @param body the message without type and length, or the beginning of it */
export function typedMessage(from: Side, code: string, body: Buffer): Message {
  const type = (from === 'client' ? CLIENT_TYPES : SERVER_TYPES)[code] ?? code
  return { from, type, text: textOf(type, body) }
}

function textOf(type: string, body: Buffer): string {
  // Parse begins with the name of the prepared statement.
  if (type === 'Parse') return cString(body.subarray(body.indexOf(0) + 1))
  return type === 'Query' || type === 'CommandComplete' ? cString(body) : ''
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end)
}

/** Any message of a type that the client sends. */
export function fromClient(type: string): MessagePattern {
  return (message) => message.from === 'client' && message.type === type
}

/** Any message of a type that the server sends. */
export function fromServer(type: string): MessagePattern {
  return (message) => message.from === 'server' && message.type === type
}

/** A statement on its way to the server, in either of the protocol's ways to send one. */
export function statement(sql: RegExp): MessagePattern {
  return ({ from, type, text }) =>
    from === 'client' && (type === 'Query' || type === 'Parse') && sql.test(text)
}
