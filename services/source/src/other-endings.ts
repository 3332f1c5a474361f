/** Pure: files whose endings tell another format than the one that is read for want of a telling. */
import { Problem } from "@flatbed/contract"
import { type FormatName, formatByEnding } from "./formats/formats.ts"

const ending = /\.[^./]+(?:\.(?:gz|zst))?$/i

/** The problem of `files`, as `written` in the settings mean them, where some are not of this format by their endings. */
export function judgeEndings(
  written: string,
  files: readonly { readonly file: string }[],
  format: FormatName,
): Problem | undefined {
  const firsts = new Map<FormatName, string>()
  for (const { file } of files) {
    const told = formatByEnding(file)
    if (told !== undefined && !firsts.has(told)) firsts.set(told, file)
  }
  const others = [...firsts].filter(([told]) => told !== format)
  const [first] = others
  if (first === undefined) return undefined
  const found = others.map(([, file]) => `${ending.exec(file)?.[0]} (${file})`).join(" and ")
  const [told, file] = first
  return new Problem(
    "format-unknown",
    `${written} tells no format, which makes it ${format}, but it means files that end in ${found}.`,
    {
      hint:
        firsts.size === 1
          ? `Set the dataset's format:  format: ${told}`
          : `Set the dataset's format, as in  format: ${told}  , if all files are of one; else name those of one, as in  files: "**/*${ending.exec(file)?.[0]}"`,
      facts: { file },
    },
  )
}
