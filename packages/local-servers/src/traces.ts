import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, vi } from 'vitest'

// For tests of what remains of a server when its owner has ended.

export interface Server {
  readonly pid: number
  readonly folder: string
}

interface Process {
  readonly pid: number
  readonly commandLine: string
}

/** Without processes that have ended but that nobody has waited for yet. */
function runningProcesses(): Process[] {
  return existsSync('/proc/self/cmdline') ? processesOfProc() : processesOfPs()
}

/** Small Linux images have no ps. An ended process has an empty command line. */
function processesOfProc(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid: Number(pid), commandLine: readCommandLine(pid) }))
    .filter(({ commandLine }) => commandLine !== '')
}

function readCommandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return '' // It ended meanwhile.
  }
}

function processesOfPs(): Process[] {
  const output = execFileSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
  return output.split('\n').flatMap((line) => {
    const [, pid, state, commandLine = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return state === undefined || state.startsWith('Z') ? [] : [{ pid: Number(pid), commandLine }]
  })
}

/** The postmaster and initdb name their folder in the command line. */
export function processesIn(folder: string): Process[] {
  return runningProcesses().filter(({ commandLine }) => commandLine.includes(folder))
}

function tracesOf({ pid, folder }: Server): unknown[] {
  const processes = runningProcesses().filter((each) => each.pid === pid || each.commandLine.includes(folder))
  return [...processes, ...(existsSync(folder) ? [folder] : [])]
}

export function expectRunning({ pid, folder }: Server): void {
  expect(processesIn(folder).map((each) => each.pid)).toContain(pid)
}

export function expectNoTraces(server: Server): void {
  expect(tracesOf(server)).toEqual([])
}

export function noTracesSoon(server: Server): Promise<void> {
  return vi.waitFor(() => expectNoTraces(server), { timeout: 10_000, interval: 50 })
}
