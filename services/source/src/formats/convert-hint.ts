/** Pure: what to do about a file that is not UTF-8. */

/** A sentence with a setting to paste, for formats that may be in another encoding. */
export function convertHint(file: string): string {
  return `If ${file} comes from Windows, add  dialect: { encoding: windows-1252 }  to its dataset; else name its encoding.`
}

/** The same for JSON, which no setting makes anything else (RFC 8259, section 8.1). */
export function convertJsonHint(file: string): string {
  return `JSON is UTF-8, and no setting changes that. If ${file} comes from Windows, convert it:  iconv -f WINDOWS-1252 -t UTF-8  with its name; an escape such as \\ud83d needs the other half behind it.`
}
