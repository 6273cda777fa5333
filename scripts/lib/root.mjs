import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** @param {string} file relative to the repository */
export function readJson(file) {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'))
}

/** Folders of all workspace packages, relative to the repository; as in pnpm-workspace.yaml. */
export function packageFolders() {
  const inside = (parent) =>
    readdirSync(path.join(root, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(parent, entry.name))
  return [...inside('packages'), ...inside('examples'), 'benchmarks', 'docs']
}
