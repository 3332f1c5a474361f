// If this fails, personal data that was to be hashed leaves the source's server with a record that was set aside.
import { afterEach, expect, test } from "vitest"
import { createInstallation, type Installation } from "./installation.ts"

const open: Installation[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** Every name that is secret is called so, and no two alike; each record is broken in another way. */
const people = Buffer.concat([
  Buffer.from(
    "id,mail,age\n1,secret-one,41\n2,secret-two,old\n3,secret-three\n4,secret-four,44,secret-more\n",
  ),
  Buffer.from('5,"secret-five"x,45\n6,secret-six\0,46\n7,secret-'),
  Buffer.from([0xff]),
  Buffer.from("seven,47\n8,secret-eight,-1\n9,secret-nine,49\n"),
])
const source = `
hash_key: a key of thirty-two characters!!
datasets:
  people:
    files: people.csv
    columns:
      types: { id: integer, age: integer }
      clean: { mail: [{ hash: hmac }] }
`
const loader = "pipelines: { people: { dataset: people, table: public.people, max_rejects: 10 } }"

test("what is hashed does not leave the source's server, whatever is wrong with its record", async () => {
  const flatbed = await createInstallation({ source, loader })
  open.push(flatbed)
  await flatbed.write("people.csv", people)
  await flatbed.query("create table public.people (id integer, mail text, age integer check (age > 0))")
  const server = await flatbed.startSource()
  const run = flatbed.loader(["load"])
  expect((await run.end()).code, run.stderr()).toBe(6)
  expect(await flatbed.query("select id, age from public.people order by id")).toEqual([
    { id: 1, age: 41 },
    { id: 9, age: 49 },
  ])

  const rejects = await flatbed.query(
    "select row::integer, line::integer, code, column_name, value, reason, raw from flatbed.rejects order by row",
  )
  expect(rejects.map(({ row, line, code, column_name }) => [row, line, code, column_name])).toEqual([
    [2, 3, "type-error", "age"],
    [3, 4, "missing-cell", "age"],
    [4, 5, "extra-cell", null],
    [5, 6, "quote-error", "mail"],
    [6, 7, "nul-error", "mail"],
    [7, 8, "encoding-error", "mail"],
    [8, 9, "constraint-error", "age"],
  ])
  for (const { row, raw } of rejects) expect([row, raw.length]).toEqual([row, 0])
  const [tooOld] = rejects
  expect(tooOld?.value).toBe("old")
  expect(tooOld?.reason).toMatch(
    /The cell is "old"; .* Its bytes stay with the source, which hashes "mail"\.$/,
  )

  const exported = flatbed.loader(["rejects", "export", "people"])
  expect((await exported.end()).code, exported.stderr()).toBe(0)
  const everywhere = [
    JSON.stringify(rejects.map(({ raw, ...rest }) => ({ ...rest, raw: raw.toString("latin1") }))),
    run.stderr(),
    exported.stdout(),
    server.stderr(),
    ...(await answers(flatbed)),
  ]
  for (const text of everywhere) expect(text).not.toMatch(/secret-|c2VjcmV0/)
})

/** All that the source says of these rows, with bytes in base64 written out. */
async function answers({ sourceUrl }: Installation): Promise<string[]> {
  const ask = async (path: string, accept = "application/json") => {
    const answer = await fetch(`${sourceUrl}/v1/datasets/people${path}`, { headers: { accept } })
    return answer.text()
  }
  const { version } = JSON.parse(await ask("")) as { version: string }
  const origins = await Promise.all(
    Array.from({ length: 9 }, async (_, i) => {
      const origin = JSON.parse(await ask(`/versions/${version}/rows/${i + 1}`)) as {
        line: number
        raw: string
      }
      return Buffer.from(origin.raw, "base64").toString("latin1")
    }),
  )
  const { rows } = JSON.parse(await ask(`/versions/${version}/rows?rows=1,2,5`)) as {
    rows: { raw: string }[]
  }
  const several = rows.map(({ raw }) => Buffer.from(raw, "base64").toString("latin1")).join()
  const forms = ["application/json", "application/x-ndjson", "text/csv"]
  const chunks = await Promise.all(forms.map((form) => ask("/chunks/1", form)))
  return [
    await ask(""),
    await ask(`/versions/${version}`),
    await ask("/preview"),
    several,
    ...origins,
    ...chunks,
  ]
}

test("what is hashed does not leave the source's server with a broken record of JSON either", async () => {
  const flatbed = await createInstallation({
    source: source.replace("people.csv", "people.ndjson"),
    loader,
  })
  open.push(flatbed)
  const lines = [
    '{"id":1,"mail":"secret-one","age":41}',
    '{"id":2,"mail":"secret-two","age":"old"}',
    '{"id":3,"mail":"secret-three',
    '{"id":4,"mail":"secret-four",secret-more:1}',
    '{"id":5,"mail":"secret-five","mail":"secret-more"}',
    "secret-six",
    '{"id":7,"mail":"secret-\\u0000seven","age":1}',
    '{"id":8,"mail":"secret-\\ud800eight","age":1}',
    '{"id":9,"mail":"secret-nine","age":49}',
  ]
  await flatbed.write("people.ndjson", `${lines.join("\n")}\n`)
  const server = await flatbed.startSource()
  const run = flatbed.loader(["load"])
  expect((await run.end()).code, run.stderr()).toBe(6)
  expect(await flatbed.query("select id from public.people order by id")).toEqual([{ id: 1 }, { id: 9 }])
  const rejects = await flatbed.query(
    "select row::integer, value, reason, raw from flatbed.rejects order by row",
  )
  expect(rejects.map(({ row, value }) => [row, value])).toEqual([
    [2, "old"],
    ...[3, 4, 5, 6, 7, 8].map((row) => [row, null]),
  ])
  const exported = flatbed.loader(["rejects", "export", "people"])
  expect((await exported.end()).code, exported.stderr()).toBe(0)
  const everywhere = [
    JSON.stringify(rejects.map(({ raw, ...rest }) => ({ ...rest, raw: raw.toString("latin1") }))),
    run.stderr(),
    exported.stdout(),
    server.stderr(),
    ...(await answers(flatbed)),
  ]
  for (const text of everywhere) expect(text).not.toMatch(/secret-|c2VjcmV0/)
})
