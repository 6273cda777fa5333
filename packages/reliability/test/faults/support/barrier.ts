/** A point at which those who call it wait for one another: all of them go on once `size` have come. */
export function barrier(size: number): () => Promise<void> {
  let missing = size
  let open!: () => void
  const isComplete = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    missing--
    if (missing === 0) open()
    return isComplete
  }
}
