import { Problem } from "@flatbed/contract"
import { expect, test } from "vitest"
import { maskProblem, maskSecrets, rememberSecrets } from "./mask-secrets.ts"

test.each([
  ["postgres://ann:hunter2@db:5432/x?sslmode=require", "postgres://ann:***@db:5432/x?sslmode=require"],
  ["postgres://ann:hun@ter2@db/x", "postgres://ann:***@db/x"],
  ["to http://:hunter2@h/ and https://b:c@h/", "to http://:***@h/ and https://b:***@h/"],
  ['{"url":"postgres://ann:hunter2@db/x"}', '{"url":"postgres://ann:***@db/x"}'],
  ["postgres://db/x?user=ann&password=hunter2&a=1", "postgres://db/x?user=ann&password=***&a=1"],
  ["authorization: Bearer abc.DEF-123=", "authorization: Bearer ***"],
  ["open '/etc/https:/ann:hunter2@h/x'", "open '/etc/https:/ann:***@h/x'"],
  [
    "GET /v1?access_token=hunter2&rows=1&client-secret=hunter2",
    "GET /v1?access_token=***&rows=1&client-secret=***",
  ],
  [`no pipeline flatbed_${"aB3_-".repeat(9).slice(0, 43)}.`, "no pipeline flatbed_***."],
  ["open '/x/-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\n'", "open '/x/***\n'"],
  ['{"path":"-----BEGIN PRIVATE KEY-----\\nMHcCAQ"}', '{"path":"***"}'],
])("%s is shown as %s", (text, shown) => {
  expect(maskSecrets(text)).toBe(shown)
})

test.each([
  "postgres://ann@db:5432/x",
  "http://localhost:4000/v1/datasets?rows=20",
  "at file:///a/b.js:12:34, mail ann@example.org",
  "the Bearer of news",
  "flatbed_loader_last_success_timestamp_seconds 1",
  "-----BEGIN CERTIFICATE----- is no secret",
])("%s stays as it is", (text) => {
  expect(maskSecrets(text)).toBe(text)
})

test("what the process was given is masked wherever it stands, as it is written, decoded, in URLs and in JSON", () => {
  rememberSecrets([
    "bare canary",
    "postgres://ann:p%40ss%2Fcanary@db/ledger?sslpassword=ssl-canary",
    'quote"canary',
    "ann",
  ])
  for (const text of [
    "bare canary",
    "bare%20canary",
    "p@ss/canary",
    "p%40ss%2Fcanary",
    "ssl-canary",
    'quote"canary',
  ]) {
    expect(maskSecrets(`the driver said: ${text}.`)).toBe("the driver said: ***.")
    expect(JSON.parse(maskSecrets(JSON.stringify({ said: `so: ${text}.` })))).toEqual({ said: "so: ***." })
  }
  expect(maskSecrets("ann at ledger, through sslmode")).toBe("ann at ledger, through sslmode")
})

test("a problem loses what must not be kept, and nothing else", () => {
  rememberSecrets(["problem-canary"])
  const cause = new Error("why")
  const facts = { table: "t", said: "problem-canary", rows: 3 }
  const problem = new Problem("database-failed", "it said problem-canary", {
    hint: "not problem-canary",
    facts,
    cause,
  })
  const { code, message, hint, facts: kept, cause: why } = maskProblem(problem)
  expect({ code, message, hint, kept, why }).toEqual({
    code: "database-failed",
    message: "it said ***",
    hint: "not ***",
    kept: { table: "t", said: "***", rows: 3 },
    why: cause,
  })
  const plain = new Problem("database-failed", "it said no")
  expect(maskProblem(plain)).toBe(plain)
})
