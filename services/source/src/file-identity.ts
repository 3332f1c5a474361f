/** Pure: what the file system tells about a file's content without reading it. */

/** What tells one content of a path from the next, in strings since nanoseconds do not fit a double. */
export type FileIdentity = {
  readonly dev: string
  readonly ino: string
  readonly bytes: number
  readonly mtimeNs: string
  readonly ctimeNs: string
}

/** Whether nothing that the file system tells has changed. */
export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.bytes === b.bytes &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  )
}
