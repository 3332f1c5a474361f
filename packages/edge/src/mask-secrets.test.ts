import { expect, test } from "vitest"
import { maskSecrets } from "./mask-secrets.ts"

test.each([
  ["postgres://ann:hunter2@db:5432/x?sslmode=require", "postgres://ann:***@db:5432/x?sslmode=require"],
  ["postgres://ann:hun@ter2@db/x", "postgres://ann:***@db/x"],
  ["to http://:hunter2@h/ and https://b:c@h/", "to http://:***@h/ and https://b:***@h/"],
  ['{"url":"postgres://ann:hunter2@db/x"}', '{"url":"postgres://ann:***@db/x"}'],
  ["postgres://db/x?user=ann&password=hunter2&a=1", "postgres://db/x?user=ann&password=***&a=1"],
  ["authorization: Bearer abc.DEF-123=", "authorization: Bearer ***"],
])("%s is shown as %s", (text, shown) => {
  expect(maskSecrets(text)).toBe(shown)
})

test.each([
  "postgres://ann@db:5432/x",
  "http://localhost:4000/v1/datasets?rows=20",
  "at file:///a/b.js:12:34, mail ann@example.org",
  "the Bearer of news",
])("%s stays as it is", (text) => {
  expect(maskSecrets(text)).toBe(text)
})
