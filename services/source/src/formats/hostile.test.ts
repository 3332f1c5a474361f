// If this fails, a file made to be hard keeps the source busy for hours: its time grows with the square of its length.
import { expect, test } from "vitest"
import { readers } from "./readers.ts"

const megabyte = 1_000_000

/** A line for each place in the file. Where each line start were tried again and again, none of these would end. */
const kinds: Readonly<Record<string, (i: number) => string>> = {
  "every line damaged": () => '1,x"y\n',
  "every other line damaged": (i) => (i % 2 === 0 ? '1,x"y\n' : "1,xy\n"),
  "every line opens a quote": () => '1,"x\n',
  "every other line opens a quote": (i) => (i % 2 === 0 ? '1,"x\n' : "1,xy\n"),
  "one quote opened, and none closed": (i) => (i === 0 ? '1,"x\n' : "1,x,y\n"),
  "doubled quotes behind an open one": (i) => (i === 0 ? '1,"x\n' : 'a,"""",b\n'),
  "empty quotes behind an open one": (i) => (i === 0 ? '1,"x\n' : '"","",""\n'),
  "records over several lines, of another width": (i) => (i % 3 === 0 ? '1,x"\n' : '"a\nb\nc"\n'),
  "long cells of another width": (i) => (i === 0 ? '1,x"\n' : `"${"y\n".repeat(1000)}"\n`),
  "carriage returns alone": (i) => (i % 2 === 0 ? "1\r2,3\n" : "1,2\n"),
}

test.each(Object.entries(kinds))("%s: every byte of the file is accounted for", async (_, lineAt) => {
  for (const [name, length] of [
    ["bytes", 4 * megabyte],
    ["csv-parse", megabyte / 4],
  ] as const) {
    const lines = ["a,b\n"]
    for (let i = 0, bytes = 0; bytes < length; i += 1) bytes += lines[lines.push(lineAt(i)) - 1]?.length ?? 0
    const bytes = Buffer.from(lines.join(""))
    let end = 0
    const scan = readers[name].startScan(
      {
        ...{ file: "f.csv", dialect: { delimiter: ",", quote: '"' }, maxRecordBytes: 16 * megabyte },
        columns: { drop: [], rename: {}, types: {} },
      },
      {
        header: () => {},
        record: (to) => {
          end = to
        },
      },
    )
    for (let at = 0; at < bytes.length; at += 65_536) await scan.push(bytes.subarray(at, at + 65_536))
    const { rejects } = await scan.end()
    scan.abandon()
    expect(end).toBe(bytes.length)
    expect(rejects).toBeGreaterThan(0)
  }
})
