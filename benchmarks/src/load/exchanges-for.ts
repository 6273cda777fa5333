import { projectId, projectOf, TENANTS } from '../http/dataset.ts'
import type { Exchange } from './caller.ts'

const FIRSTS = 8

/** Every tenant with several rows, in an order in which neighbours differ. */
export function exchangesFor(path: string): readonly Exchange[] {
  return Array.from({ length: FIRSTS }, (_, first) => first).flatMap((first) =>
    TENANTS.map((tenant) => ({
      request: Buffer.from(
        `GET ${path}?first=${first} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Tenant-Id: ${tenant}\r\n\r\n`,
      ),
      answer: Buffer.from(expectedAnswer(path, tenant, first)),
    })),
  )
}

function expectedAnswer(path: string, tenant: string, first: number): string {
  const count = Number(/^\/(?:read|transaction)\/(\d+)$/.exec(path)?.[1] ?? 0)
  if (count === 0) return JSON.stringify({ tenant })
  const projects = Array.from({ length: count }, (_, index) => projectOf(tenant, projectId(first, index)))
  return JSON.stringify({ tenant, projects })
}
