/** Pure: what to do about a file that is not UTF-8. */
import { basename } from "node:path"
import { shellWord } from "../shell-word.ts"

/** A sentence with a line to paste in the file's folder; the file's path may be relative or absolute. */
export function convertHint(file: string): string {
  const name = basename(file)
  const target = name.replace(/(\.[^.]*)?$/, "-utf8$1")
  return (
    "Convert it, in its folder and if it is Windows-1252: " +
    `iconv -f WINDOWS-1252 -t UTF-8 ${shellWord(name)} > ${shellWord(target)}; then serve ${target} in its place.`
  )
}
