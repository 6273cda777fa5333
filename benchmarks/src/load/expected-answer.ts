import { projectId, projectOf } from '../http/dataset.ts'

/** What a request must be answered with, to the byte. */
export function expectedAnswer(path: string, tenant: string, first: number): string {
  const count = Number(/^\/(?:read|transaction)\/(\d+)$/.exec(path)?.[1] ?? 0)
  if (count === 0) return JSON.stringify({ tenant })
  const projects = Array.from({ length: count }, (_, index) => projectOf(tenant, projectId(first, index)))
  return JSON.stringify({ tenant, projects })
}
