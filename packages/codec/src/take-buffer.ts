/** Where results are written: the caller knows best whose memory that is. */

/** Makes a buffer of so many bytes, whatever stands in them. */
export type TakeBuffer = (bytes: number) => Buffer

/** The parts one behind the other, in a buffer that `take` makes. */
export function joinBuffers(parts: readonly Buffer[], take: TakeBuffer = Buffer.allocUnsafeSlow): Buffer {
  const joined = take(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) at += part.copy(joined, at)
  return joined
}
