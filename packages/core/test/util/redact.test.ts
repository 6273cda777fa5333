import { describe, expect, it } from 'vitest'
import { redact, redactText } from '../../src/util/redact.ts'

describe('redactText', () => {
  it.each([
    ['postgres://u:s3cr3t@h/d', 'postgres://u:[redacted]@h/d'],
    ['postgres://u:p@ss:w/o?r#d@h/d', 'postgres://u:[redacted]@h/d'],
    ['redis://:s3cr3t@h', 'redis://:[redacted]@h'],
    ['postgres://u@h/d', 'postgres://u@h/d'],
    ['postgres://h/d?password=s3cr3t&x=1', 'postgres://h/d?password=[redacted]&x=1'],
    ['Server=h;Pwd=s3cr3t;Database=d', 'Server=h;Pwd=[redacted];Database=d'],
    ["host=h password='s3 cr3t'", 'host=h password=[redacted]'],
    ['{"apiKey": "s3cr3t"}', '{"apiKey": [redacted]'],
    ['acme', 'acme'],
    ['x'.repeat(3000), '[text of 3000 characters]'],
  ])('shows %s as %s', (text, shown) => {
    expect(redactText(text)).toBe(shown)
  })

  it('is quick on hostile texts', () => {
    const started = performance.now()
    for (const text of ['a'.repeat(2000), 'a://'.repeat(500), 'pass'.repeat(500), '://u:'.repeat(400)])
      redactText(text)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('redact', () => {
  it('hides what stands under the name of a secret, at any depth', () => {
    const secrets = {
      password: 'a',
      PGPASSWORD: 'a',
      clientSecret: 'a',
      access_token: 'a',
      key: Buffer.from('a'),
      pfx: ['a'],
      passphrase: 5,
    }
    const shown = redact({ ssl: [secrets] }) as { ssl: [Record<string, unknown>] }
    expect(new Set(Object.values(shown.ssl[0]))).toEqual(new Set(['[redacted]']))
  })

  it('shows of a connection only what is harmless', () => {
    expect(
      redact({ connection: { host: 'h', port: 5432, user: 'u', unheardOf: 's3cr3t', ssl: { ca: 'x' } } }),
    ).toEqual({
      connection: { host: 'h', port: 5432, user: 'u', unheardOf: '[redacted]', ssl: '[redacted]' },
    })
    expect(redact({ connection: 'host=h s3cr3t' })).toEqual({ connection: '[redacted]' })
    expect(redact({ connection: 's3cr3t' })).toEqual({ connection: '[redacted]' })
    expect(redact({ connection: 12345 })).toEqual({ connection: '[redacted]' })
  })

  it('knows a connection by its settings, whatever it was called by mistake', () => {
    expect(redact({ tenants: { host: 'h', user: 'u', passwrd: 'x', ssl: { ca: 'y' } } })).toEqual({
      tenants: { host: 'h', user: 'u', passwrd: '[redacted]', ssl: '[redacted]' },
    })
  })

  it('leaves the value alone and survives whatever it is', () => {
    const value = {
      password: 'a',
      list: [1n, Symbol.iterator, () => 1, new Date(0), new Map([['password', 'a']])],
    }
    expect(redact(value)).toEqual({
      password: '[redacted]',
      list: ['1', Symbol.iterator, '[function]', '[Date]', { password: '[redacted]' }],
    })
    expect(value.password).toBe('a')
    const loop: Record<string, unknown> = {}
    loop['loop'] = loop
    expect(JSON.stringify(redact(loop))).toContain('[…]')
  })
})
