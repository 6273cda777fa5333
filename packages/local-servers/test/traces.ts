import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, vi } from 'vitest'

export interface Server {
  readonly pid: number
  readonly folder: string
}

/** Command lines that mention the folder: the postmaster's and initdb's do. */
export function processesIn(folder: string): string[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
  return all.split('\n').filter((line) => line.includes(folder))
}

function isRunning(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
    return !state.trim().startsWith('Z') // An exited process that nobody has waited for yet.
  } catch {
    return false
  }
}

function tracesOf({ pid, folder }: Server): string[] {
  return [
    ...(isRunning(pid) ? [`process ${pid}`] : []),
    ...processesIn(folder),
    ...(existsSync(folder) ? [folder] : []),
  ]
}

export function expectRunning(server: Server): void {
  expect(tracesOf(server)).toContain(`process ${server.pid}`)
}

export function expectNoTraces(server: Server): void {
  expect(tracesOf(server)).toEqual([])
}

export function noTracesSoon(server: Server): Promise<void> {
  return vi.waitFor(() => expectNoTraces(server), { timeout: 10_000, interval: 50 })
}
