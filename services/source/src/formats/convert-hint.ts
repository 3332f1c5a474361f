/** Pure: what to do about a file that is not UTF-8. */

/** A sentence with a setting to paste. */
export function convertHint(file: string): string {
  return `If ${file} comes from Windows, add  dialect: { encoding: windows-1252 }  to its dataset; else name its encoding.`
}
