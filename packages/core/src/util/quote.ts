const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/**
 * Text from outside, made safe to stand in a message: in quotes, on one line, cut after `max` characters, with
 * everything escaped that could move a cursor, reorder a line or forge another one in a log.
 */
export function quote(text: string, max = 64): string {
  const characters = Array.from(text.slice(0, max * 2))
  const cut = characters.length > max || text.length > max * 2
  const shown = cut ? `${characters.slice(0, max).join('')}…` : text
  return `"${escapeControls(shown.replace(/["\\]/g, '\\$&'))}"`
}

/** Replaces every invisible or line-breaking character by its `\u{…}` escape. */
export function escapeControls(text: string): string {
  return text.replace(CONTROL, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
