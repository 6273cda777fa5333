import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { profileParts } from '../src/report/profile-parts.ts'

test('a profile is summed up by whose code ran, without what warmed up and without idle time', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sherd-profile-'))
  const bundle = path.join(folder, 'host.mjs')
  writeFileSync(
    bundle,
    '//#region src/http/create-app.ts\napp()\n//#region ../packages/core/src/scope.ts\nscope()\n',
  )
  const url = pathToFileURL(bundle).href
  const frames = [
    ['(idle)', '', -1],
    ['app', url, 1],
    ['scope', url, 3],
    ['toSQL', 'file:///x/node_modules/.pnpm/knex@3/node_modules/knex/lib/a.js', 0],
    ['writev', '', -1],
  ] as const
  const nodes = frames.map(([functionName, url, lineNumber], id) => ({
    id,
    callFrame: { functionName, url, lineNumber },
  }))
  const samples = [1, 1, 1, 1, 1, 2, 2, 3, 4, 0]
  const file = path.join(folder, 'a.cpuprofile')
  writeFileSync(file, JSON.stringify({ nodes, samples, timeDeltas: samples.map(() => 100) }))
  expect(profileParts(file)).toEqual([
    ['Sherd', 0.5],
    ['knex', 0.25],
    ['sending (writev)', 0.25],
  ])
})
