/** Whether bytes are the same, sixteen at a time. */

/** Whether so many bytes are the same in both places; what stands behind them may be read. */
export function isSame(at: usize, other: usize, length: i32): bool {
  while (length > 16) {
    if (i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(other))) !== 0xffff) return false
    at += 16
    other += 16
    length -= 16
  }
  const same = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(other)))
  return ((same | (-1 << length)) & 0xffff) === 0xffff
}
