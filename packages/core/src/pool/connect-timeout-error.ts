/** What an attempt to connect fails with when its time is over; the code is the one that a system call would have. */
export function connectTimeoutError(timeoutMs: number): Error {
  return Object.assign(new Error(`connecting took longer than ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
}
