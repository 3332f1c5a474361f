/** Pure: files that are called CSV and are something else, by how they begin. */

const bytes = (...values: number[]) => String.fromCharCode(...values)

/** Bytes as characters of Latin-1. */
const kinds: readonly { readonly begins: string; readonly told: string }[] = [
  {
    begins: `PK${bytes(3, 4)}`,
    told: "It begins as a ZIP archive does, and so does a spreadsheet (.xlsx, .ods): save the sheet as CSV, or unpack the archive.",
  },
  {
    begins: bytes(0xd0, 0xcf, 0x11, 0xe0),
    told: "It begins as an old Excel file does (.xls): save the sheet as CSV.",
  },
  { begins: "%PDF-", told: "It begins as a PDF does, which holds no table that could be read." },
  {
    begins: "PAR1",
    told: "It begins as a Parquet file does: write it as CSV with the tool that it comes from.",
  },
]

const page = /^\s*<(?:!doctype|html|\?xml)/i
const pageTold = "It begins as a web page or XML does: perhaps an error was saved in place of the file."

/** A sentence for the person who wonders; none for what may well be a CSV. */
export function tellOtherKind(head: Buffer): string[] {
  const text = head.subarray(0, 512).toString("latin1")
  const found = kinds.flatMap(({ begins, told }) => (text.startsWith(begins) ? [told] : []))
  return page.test(text.replace(bytes(0xef, 0xbb, 0xbf), "")) ? [...found, pageTold] : found
}
