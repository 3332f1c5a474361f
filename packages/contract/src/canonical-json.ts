/** JSON as Postgres' jsonb prints it, so that a value can be compared with what a table holds. */
import { plainDecimal } from "./plain-decimal.ts"

const scalar = /true|false|null|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

/**
 * Well-formed JSON text in jsonb's spelling (Postgres manual, "JSON Types"): keys by their length in bytes, then byte by
 * byte, the last of equal ones; one blank behind commas and colons; numbers as numeric prints them.
 */
export function canonicalJson(text: string): string {
  let at = 0

  function skipBlanks(): void {
    for (let code = text.charCodeAt(at); isBlank(code); code = text.charCodeAt(at)) at += 1
  }

  function readValue(): string {
    skipBlanks()
    const first = text[at]
    const value =
      first === "{"
        ? readObject()
        : first === "["
          ? readArray()
          : first === '"'
            ? JSON.stringify(readString())
            : readScalar()
    skipBlanks()
    return value
  }

  function readString(): string {
    let end = at + 1
    while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1
    const written = text.slice(at, end + 1)
    at = end + 1
    return JSON.parse(written)
  }

  function readScalar(): string {
    scalar.lastIndex = at
    const [found = ""] = scalar.exec(text) ?? []
    if (found === "") throw new Error(`no JSON value at ${at}`)
    at += found.length
    return /^[tfn]/.test(found) ? found : plainDecimal(found)
  }

  function readArray(): string {
    const values: string[] = []
    at += 1
    skipBlanks()
    while (at < text.length && text[at] !== "]") {
      values.push(readValue())
      if (text[at] === ",") at += 1
    }
    at += 1
    return `[${values.join(", ")}]`
  }

  function readObject(): string {
    const values = new Map<string, string>()
    at += 1
    skipBlanks()
    while (at < text.length && text[at] !== "}") {
      skipBlanks()
      const key = readString()
      skipBlanks()
      at += 1
      values.set(key, readValue())
      if (text[at] === ",") at += 1
    }
    at += 1
    const keys = [...values.keys()].map((key) => ({ key, bytes: Buffer.from(key) }))
    keys.sort((a, b) => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes))
    return `{${keys.map(({ key }) => `${JSON.stringify(key)}: ${values.get(key)}`).join(", ")}}`
  }

  return readValue()
}

const isBlank = (code: number) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
