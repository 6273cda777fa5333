/** Is told what a scope writes to its shard, where that matters to those who read it afterwards. */
export interface WriteWatch {
  /** Something that may write is about to run. */
  begun(): void
  /** It is over, whatever became of it. Never rejects; awaited before anybody is told of the outcome. */
  ended(): void | Promise<void>
  /** A transaction is over: as `ended`, if anything has begun. */
  committed(): void | Promise<void>
}
