// If this fails, who mends what was set aside gets it in another dialect or encoding than the file's, or a formula runs.
import { expect, onTestFinished, test } from "vitest"
import { createInstallation } from "./installation.ts"

test("records that were set aside come out as a file of their own dialect, with the file's own names", async () => {
  const flatbed = await createInstallation({
    source: `datasets:
  sales:
    files: sales.csv
    dialect: { delimiter: ";", encoding: windows-1252 }
    columns: { drop: [clerk], rename: { Preis: price }, types: { price: numeric } }
`,
    loader: "pipelines: { sales: { dataset: sales, table: public.sales, max_rejects: 10 } }\n",
  })
  onTestFinished(flatbed.close)
  const records = [
    "id;Preis;clerk;note",
    "1;1.50;Ann;fine",
    '2;1,50 €;"Bö;b";=1+1',
    "3;2.50",
    '4;3.50;"Ann"x;note',
    "5;-4.50;Ann;-1",
    "",
  ]
  await flatbed.write("sales.csv", toWindows1252(records.join("\r\n")))
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(6)

  const program = flatbed.loader(["rejects", "export"])
  expect((await program.end()).code, program.stderr()).toBe(0)
  const [head, ...lines] = program.stdout().split("\r\n")
  expect(head).toBe("\ufeff_line;_code;_column;_reason;id;Preis;clerk;note")
  const beginnings = [
    [/^3;type-error;price;/, `;2;1,50 €;"Bö;b";'=1+1`],
    [/^4;missing-cell;clerk;|^4;missing-cell;;/, ";3;2.50"],
    [/^5;quote-error;/, ';"4;3.50;""Ann""x;note"'],
  ] as const
  expect(lines).toHaveLength(beginnings.length + 1)
  for (const [i, [beginning, end]] of beginnings.entries()) {
    expect(lines[i]).toMatch(beginning)
    expect(lines[i]?.endsWith(end), lines[i]).toBe(true)
  }
})

test("records of JSON come out whole, and the others are loaded, what is nested as jsonb", async () => {
  const flatbed = await createInstallation({
    source: "datasets: { events: { files: events.ndjson, columns: { types: { at: date } } } }\n",
    loader: "pipelines: { events: { dataset: events, table: public.events, max_rejects: 10 } }\n",
  })
  onTestFinished(flatbed.close)
  const records = [
    '{"id":1,"at":"2024-02-29","who":{"name":"Ann"},"tags":[1,"a, b"]}',
    '{"id":2,"at":"soon","who":{"name":"=B\\u0062"}}',
    '{"id":3,"id":4}',
    '{"id":5,',
    '{"id":6,"at":null,"who":null,"tags":[]}',
  ]
  await flatbed.write("events.ndjson", records.join("\n"))
  await flatbed.startSource()
  expect(await flatbed.load()).toBe(6)
  expect(
    await flatbed.query("select id, at::text, who_name, tags::text from public.events order by id"),
  ).toEqual([
    { id: 1, at: "2024-02-29", who_name: "Ann", tags: '[1, "a, b"]' },
    { id: 6, at: null, who_name: null, tags: "[]" },
  ])

  const program = flatbed.loader(["rejects", "export"])
  expect((await program.end()).code, program.stderr()).toBe(0)
  const [head, ...lines] = program.stdout().split("\r\n")
  expect(head).toBe("\ufeff_line,_code,_column,_reason,_record")
  const beginnings = ["2,type-error,at,", "3,duplicate-key,,", "4,json-error,,"]
  expect(lines).toHaveLength(beginnings.length + 1)
  for (const [i, beginning] of beginnings.entries()) {
    expect(lines[i]?.startsWith(beginning), lines[i]).toBe(true)
    expect(lines[i]?.endsWith(`,"${records[i + 1]?.replaceAll('"', '""')}"`), lines[i]).toBe(true)
  }
})

function toWindows1252(text: string): Buffer {
  return Buffer.from(text.replaceAll("€", "\u0080"), "latin1")
}
