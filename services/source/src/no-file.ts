/** Pure: the problem of a path or pattern that means no file, by what lies there instead. */
import { Problem } from "@flatbed/contract"
import type { FilePattern } from "./file-patterns.ts"
import { type FormatName, getFormat } from "./formats/formats.ts"
import type { Listing } from "./list-files.ts"

/** `format` is the dataset's: of a folder, files with its endings are meant. */
export function noFile(pattern: FilePattern, { leftOut, belowRoot }: Listing, format: FormatName): Problem {
  const { written, isPath, accepts, mayHold } = pattern
  const odd = leftOut.find(({ file }) => accepts(file))
  const but = odd === undefined ? "" : `${odd.file} ${odd.reason}.`
  const missing = (found: string, hint: string) =>
    new Problem("file-missing", found, { hint, facts: { file: written } })
  if (!isPath)
    return missing(
      `No file matches ${written}. ${but}`.trimEnd(),
      "Put files below the root, or correct the dataset's files. A version made before stays served.",
    )
  if (belowRoot.some(mayHold))
    return missing(`${emptyFolder(written, format)} ${but}`.trimEnd(), pick(written, format))
  return missing(but || `${written} is not there.`, "Put it below the root, or correct the dataset's files.")
}

function emptyFolder(folder: string, format: FormatName): string {
  const { endings } = getFormat(format)
  return endings.length === 0
    ? `${folder} is a folder, and format ${format} has no endings that tell which of its files are meant.`
    : `${folder} is a folder without a file that ends in ${endings.join(", ")}, packed or not, as those of format ${format} do.`
}

function pick(folder: string, format: FormatName): string {
  const below = folder.replace(/\/+$/, "")
  const byPattern = `Name its files by a pattern, as in  files: "${below}/*"  or, with all folders in it,  files: "${below}/**/*"`
  return getFormat(format).endings.length === 0
    ? byPattern
    : `${byPattern}  , or correct the dataset's format (csv, where nothing else is told).`
}
