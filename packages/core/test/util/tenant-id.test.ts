import { describe, expect, it } from 'vitest'
import { TenantInvalidError } from '../../src/errors.ts'
import { normalizeTenantId } from '../../src/util/tenant-id.ts'

describe('normalizeTenantId', () => {
  it.each([
    ['acme', 'acme'],
    [' acme', ' acme'],
    [42, '42'],
    [-0, '0'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [12345678901234567890n, '12345678901234567890'],
    ['x'.repeat(255), 'x'.repeat(255)],
    ['😀'.repeat(255), '😀'.repeat(255)],
    ['e\u0301', 'e\u0301'],
  ])('spells %o as %s', (value, spelled) => {
    expect(normalizeTenantId(value)).toBe(spelled)
  })

  it.each([
    ['', 'A tenant id must not be empty'],
    [
      1.5,
      'A tenant id given as a number must be a whole number below 2^53, and this one is 1.5: pass it as text',
    ],
    [
      Number.NaN,
      'A tenant id given as a number must be a whole number below 2^53, and this one is NaN: pass it as text',
    ],
    [
      2 ** 53,
      'A tenant id given as a number must be a whole number below 2^53, and this one is 9007199254740992: pass it as text',
    ],
    [undefined, 'A tenant id must be text or a whole number, and this one is of type undefined'],
    [null, 'A tenant id must be text or a whole number, and this one is null'],
    [['acme'], 'A tenant id must be text or a whole number, and this one is a list'],
    [
      { toString: () => 'acme' },
      'A tenant id must be text or a whole number, and this one is of type object',
    ],
    [true, 'A tenant id must be text or a whole number, and this one is of type boolean'],
    ['x'.repeat(256), `A tenant id has at most 255 characters, and this one has more: "${'x'.repeat(32)}…"`],
    [
      '😀'.repeat(256),
      `A tenant id has at most 255 characters, and this one has more: "${'😀'.repeat(32)}…"`,
    ],
    [10n ** 300n, `A tenant id has at most 255 characters, and this one has more: "1${'0'.repeat(31)}…"`],
    ['a\r\nb', 'A tenant id must not contain control characters or broken characters: "a\\u{d}\\u{a}b"'],
    ['a\u0085', 'A tenant id must not contain control characters or broken characters: "a\\u{85}"'],
    ['\ud800"', 'A tenant id must not contain control characters or broken characters: "\\u{d800}\\""'],
  ])('refuses %o', (value, message) => {
    expect(() => normalizeTenantId(value)).toThrow(new TenantInvalidError(message))
  })
})
