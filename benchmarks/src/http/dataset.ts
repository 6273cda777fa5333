/** What all hosts serve: the same tenants with the same rows. */
export const TENANTS: readonly string[] = Array.from({ length: 10 }, (_, index) => `tenant-${index}`)

export const SHARD = 'shard_0'

const PROJECTS = 100

export interface Project {
  readonly id: number
  readonly tenant: string
  readonly name: string
}

/** Its id is the database's primary key together with the tenant. */
export function projectOf(tenant: string, id: number): Project {
  return { id, tenant, name: `${tenant}’s project ${id}` }
}

/** Which project the `index`-th query of a request asks for; requests differ in `first`. */
export function projectId(first: number, index: number): number {
  return (first * 7 + index) % PROJECTS
}

export const SCHEMA = `
  CREATE TABLE projects (tenant text NOT NULL, id integer NOT NULL, name text NOT NULL, PRIMARY KEY (tenant, id));
  INSERT INTO projects
    SELECT 'tenant-' || t, i, 'tenant-' || t || '’s project ' || i
    FROM generate_series(0, ${TENANTS.length - 1}) t, generate_series(0, ${PROJECTS - 1}) i;
  ANALYZE projects;
`
