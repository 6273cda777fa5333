import { serverAddress } from '../config/server-address.ts'
import type { Endpoint } from '../topology/topology.ts'

/** The server behind an endpoint, by host and port; the endpoint's own id where its address names none. */
export function serverOf({ id, client, connection }: Endpoint): string {
  return serverAddress(client, connection) ?? id
}
