const POLYNOMIAL = 0x1021

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 8
  for (let bit = 0; bit < 8; bit++) remainder = (remainder << 1) ^ (remainder & 0x8000 ? POLYNOMIAL : 0)
  return remainder
})

/** CRC16/XMODEM of a text's UTF-8 bytes: polynomial 0x1021, nothing reflected, starting from 0. */
export function crc16(text: string): number {
  let remainder = 0
  for (const byte of Buffer.from(text, 'utf8')) {
    remainder = ((remainder << 8) & 0xffff) ^ (table[(remainder >> 8) ^ byte] ?? 0)
  }
  return remainder
}
