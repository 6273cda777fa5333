import { InputError } from './input-error.ts'

/** The API throws TypeError for options that cannot be used, before anything has changed: here somebody has typed them. */
export async function checkedInput<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof TypeError) throw new InputError(error.message, { cause: error })
    throw error
  }
}
