import type { ConnectionConfig } from '../../config/resolved-config.ts'

/** Where the temporary database of a shard lives: the server, or the folder, that the shard is configured for. */
export interface DatabaseHome {
  /**
   * Creates a database, after it has removed those that runs which did not end well have left.
   *
   * @param template what it is a copy of; undefined for an empty one
   * @returns how to connect to it
   */
  create(name: string, template: string | undefined): Promise<ConnectionConfig>
  /** Removes it, whoever uses it. */
  drop(name: string): Promise<void>
}
