/** A file of the user's SQL as text, or why there is none; and all that such files have wrong, as one problem. */
import { readFile } from "node:fs/promises"
import { relative } from "node:path"
import { Problem } from "@flatbed/contract"

/** What a file says, or in words why it cannot be read, to follow its name. */
export async function readSqlFile(
  file: string,
): Promise<{ readonly text: string } | { readonly why: string }> {
  return await readFile(file, "utf8").then(
    // Editors on Windows begin a file with a mark that is no SQL.
    (text) => ({ text: text.replace(/^\uFEFF/, "") }),
    (error: NodeJS.ErrnoException) => ({ why: describeUnread(error) }),
  )
}

/** To follow a file's name. */
export function describeUnread({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return "is not there"
  return code === "EISDIR" ? "is a folder, expected a file of SQL" : `cannot be read: ${message}`
}

/** A path as somebody in the working folder would type it. */
export function showPath(file: string): string {
  const fromHere = relative(process.cwd(), file)
  return fromHere.startsWith("..") ? file : fromHere || "."
}

/** `settings-invalid` with each of the lines; undefined without one. */
export function wrongFiles(lines: readonly string[], hint: string): Problem | undefined {
  if (lines.length === 0) return undefined
  const message = lines.length === 1 ? (lines[0] ?? "") : [`${lines.length} problems:`, ...lines].join("\n  ")
  return new Problem("settings-invalid", message, { hint, facts: { problems: lines.length } })
}
