// If this fails, a value that is hashed where it is plain leaves the source's server as the part of an object.
import { expect, test } from "vitest"
import { scanJson } from "./json-reader.test-kit.ts"

const bytes = `[{"id":1,"mail":"a@example.net"},{"id":9,"mail":{"to":"secret@example.net"}}]`
const mail = { clean: { mail: [{ hash: "hmac" as const }] }, hashKey: "a key of thirty-two characters!!" }

test("an object in a hashed column is refused while a part of it would be served as it is", async () => {
  await expect(scanJson({ bytes, columns: mail })).rejects.toMatchObject({
    code: "header-invalid",
    message: expect.stringContaining(
      '/mail, which is hashed, is an object in some records, and its parts, such as "mail_to"',
    ),
  })
})

test.each([
  [
    "its parts are hashed too",
    { ...mail, clean: { ...mail.clean, mail_to: [{ hash: "hmac" as const }] } },
    {},
  ],
  ["its parts are left out", { ...mail, drop: ["mail_to"] }, {}],
  ["objects stay whole", mail, { separator: false as const }],
])("it is served when %s", async (_, columns, dialect) => {
  const { rows, rejects } = await scanJson({ bytes, columns, dialect })
  expect({ rows, rejects }).toEqual({ rows: 2, rejects: 0 })
})
