/** What `action` throws or rejects with; fails when it does neither. */
export async function errorOf(action: () => unknown): Promise<Error & { code?: string; cause?: unknown }> {
  try {
    await action()
  } catch (error) {
    return error as Error
  }
  throw new Error('it was expected to fail, and did not')
}
