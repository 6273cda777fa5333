import { connectedToTenant, db } from '@sherd/core'
import { currentTenant, type Project } from './projects.ts'

/** The projects each tenant has at first; the first one is done. */
export const firstProjects: Readonly<Record<string, readonly string[]>> = {
  acme: ['Anvil', 'Rocket skates', 'Tornado seeds'],
  globex: ['Hammock district', 'Weather machine'],
  initech: ['TPS reports', 'Year 2000'],
  umbrella: ['Raccoon City', 'Red Queen', 'Hive'],
  hooli: ['Nucleus', 'Signature box'],
  tyrell: ['Nexus 6', 'Owl', 'Memories'],
}

/** Gives every tenant its first projects, on its own shard. */
export async function addFirstProjects(): Promise<void> {
  await Promise.all(
    Object.entries(firstProjects).map(([tenant, names]) =>
      connectedToTenant(tenant, async () => {
        const rows = names.map((name, index) => ({ tenant: currentTenant(), name, done: index === 0 }))
        await db<Project>('projects').insert(rows)
      }),
    ),
  )
}
