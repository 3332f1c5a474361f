/** The escapes of JSON (RFC 8259 section 7): for bytes that a string may not hold as they are, spelled as JSON.stringify does. */

/** Writes the escape of a control character, a double quote or a backslash, and answers the address behind it. */
export function copyEscape(to: usize, byte: u32): usize {
  const letter = letterOf(byte)
  store<u8>(to, 0x5c)
  if (letter !== 0) {
    store<u8>(to + 1, <u8>letter)
    return to + 2
  }
  // `u00`, and two digits.
  store<u8>(to + 1, 0x75)
  store<u16>(to + 2, 0x3030)
  store<u8>(to + 4, hexDigit(byte >> 4))
  store<u8>(to + 5, hexDigit(byte & 15))
  return to + 6
}

function letterOf(byte: u32): u32 {
  switch (byte) {
    case 0x08:
      return 0x62
    case 0x09:
      return 0x74
    case 0x0a:
      return 0x6e
    case 0x0c:
      return 0x66
    case 0x0d:
      return 0x72
    case 0x22:
    case 0x5c:
      return byte
    default:
      return 0
  }
}

function hexDigit(value: u32): u8 {
  return <u8>(value < 10 ? 0x30 + value : 0x57 + value)
}

/** Four hexadecimal digits as a number, or −1. */
export function readHex(from: usize): i32 {
  let code: i32 = 0
  for (let at = from; at < from + 4; at += 1) {
    const byte = <i32>load<u8>(at)
    const letter = byte | 0x20
    if (byte >= 0x30 && byte <= 0x39) code = code * 16 + byte - 0x30
    else if (letter >= 0x61 && letter <= 0x66) code = code * 16 + letter - 0x57
    else return -1
  }
  return code
}
