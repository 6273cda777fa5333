import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigInvalidError, createSharding } from '@sherd/core'
import { Ajv } from 'ajv'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { shippedSchema } from './support/json-schema.ts'
import { type CodeBlock, codeBlocks, ROOT, readPage, sections } from './support/markdown.ts'
import { pages } from './support/pages.ts'

const ajv = new Ajv({ strict: false })
const schemas = {
  sharding: ajv.compile(shippedSchema('sharding')),
  shard: ajv.compile(shippedSchema('shard')),
}

const home = process.cwd()
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sherd-docs-')))
process.chdir(folder)
beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
})
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true })
})

type Sample = CodeBlock & { readonly file: string }

/** The samples of configuration files, by section: those of one section are one configuration. */
const configurations = pages.flatMap((page) =>
  sections(readPage(page)).map(({ title, text }) => {
    const samples = codeBlocks(text).filter(isConfigFile)
    return {
      name: `${page} ${title}`,
      valid: samples.filter(({ info }) => info !== 'invalid'),
      invalid: samples.filter(({ info }) => info === 'invalid'),
    }
  }),
)
const valid = configurations.filter((section) => section.valid.length > 0)
const invalid = configurations.flatMap((section) =>
  section.invalid.map((sample, index) => ({ name: `${section.name}, number ${index + 1}`, sample })),
)

describe('examples of configuration files', () => {
  test('are there', () => {
    expect(valid.length).toBeGreaterThan(10)
    expect(invalid.length).toBeGreaterThan(4)
  })

  test.each(valid)('of $name are accepted, by the JSON Schema and in every environment', (section) => {
    expect(new Set(section.valid.map(({ file }) => file)).size).toBe(section.valid.length)
    for (const sample of section.valid) expect(inEditor(sample), sample.code).toBe(true)
    for (const NODE_ENV of ['development', 'production', 'staging']) {
      expect(errorOf(section.valid, { ...variablesOf(section.valid), NODE_ENV })).toBe(undefined)
    }
  })

  test.each(invalid)('of $name are refused, by the JSON Schema too', ({ sample }) => {
    expect(inEditor(sample)).toBe(false)
    expect(errorOf([sample], variablesOf([sample]))).toBeInstanceOf(ConfigInvalidError)
  })

  test('that are refused together get the text that docs/configuration.md shows', () => {
    const blocks = codeBlocks(readPage('docs/configuration.md'))
    const shown = blocks.findIndex(({ code }) => code.startsWith('ConfigInvalidError: '))
    const samples = blocks.slice(0, shown).filter(({ info }) => info === 'invalid')
    const error = errorOf(samples.filter(isConfigFile), {})
    expect(`${error?.name}: ${error?.message}\n`).toBe(blocks[shown]?.code)
  })

  test('find the JSON Schemas where they say', () => {
    const named = configurations
      .flatMap(({ valid }) => valid)
      .flatMap(({ file, code }) => {
        const [, path] = /\$schema(?:=|"?: "?)([\w@./-]+)/.exec(code) ?? []
        return path === undefined ? [] : [join(ROOT, 'docs', dirname(file), path)]
      })
    expect(named.length).toBeGreaterThan(3)
    for (const path of named) expect(readdirSync(dirname(path))).toContain(path.split('/').at(-1))
  })
})

function isConfigFile(block: CodeBlock): block is Sample {
  return /^config\/(sharding|shards\/\w+)\.(yaml|json)$/.test(block.file ?? '')
}

/** What an editor says that checks a file against its JSON Schema. */
function inEditor({ file, code }: Sample): boolean {
  return schemas[isMain(file) ? 'sharding' : 'shard'](parse(code) ?? {})
}

/** What comes of a configuration with these files, and the least that has to stand beside them. */
function errorOf(samples: readonly Sample[], env: NodeJS.ProcessEnv): Error | undefined {
  if (!samples.some(({ file }) => isMain(file))) write('config/sharding.yaml', 'defaults: { client: pg }')
  if (samples.every(({ file }) => isMain(file))) write('config/shards/a.yaml', 'connection: postgres://h/d')
  for (const { file, code } of samples) {
    write(file, code)
    for (const [, path = ''] of code.matchAll(/\$\{file:(.+?)\}/g)) write(join(dirname(file), path), 'x\n')
  }
  try {
    createSharding({ env })
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Every variable that the samples name. */
function variablesOf(samples: readonly Sample[]): NodeJS.ProcessEnv {
  const names = samples.flatMap(({ code }) => [...code.matchAll(/\$\{(\w+)(?::-.*?)?\}/g)])
  return Object.fromEntries(
    names.map(([, name = '']) => [name, name.endsWith('_URL') ? 'postgres://db.example/app' : '20']),
  )
}

function isMain(file: string): boolean {
  return file.startsWith('config/sharding.')
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
