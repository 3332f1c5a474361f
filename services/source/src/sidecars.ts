/**
 * Pure: the files that stand beside a file and say that it is whole: a marker that whoever writes it leaves when it is
 * done, and a list of digests as `sha256sum` writes it.
 */

/** Of a name with its `{name}`: what stands beside a file of this name. Without one, it is there once per folder. */
export function sidecarOf(template: string): (name: string) => string {
  return (name) => template.split("{name}").join(name)
}

/**
 * The digest that a sidecar names for the file: 64 hex digits, alone or, as `sha256sum` writes them, before the
 * file's name. Undefined when there is none for it.
 */
export function findDigest(text: string, name: string): string | undefined {
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const [, digest = "", path = ""] = /^\\?([0-9a-fA-F]{64})(?:[ \t]+\*?(.*))?$/.exec(line.trim()) ?? []
    return digest === ""
      ? []
      : [{ digest: digest.toLowerCase(), name: path.slice(path.lastIndexOf("/") + 1) }]
  })
  const named = lines.find((line) => line.name === name)
  if (named !== undefined) return named.digest
  return lines.length === 1 && lines[0]?.name === "" ? lines[0].digest : undefined
}
