/**
 * Freezes a tree of plain objects and lists, in place. Functions and instances of classes (buffers, TLS contexts,
 * loggers) belong to whoever made them and stay as they are.
 */
export function deepFreeze<T>(value: T): T {
  if (Array.isArray(value)) {
    for (const item of value) deepFreeze(item)
  } else if (isPlainObject(value)) {
    for (const item of Object.values(value)) deepFreeze(item)
  } else {
    return value
  }
  return Object.freeze(value)
}

/** Whether a value is an object literal, as opposed to a list or an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
