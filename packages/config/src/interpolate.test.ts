// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how settings files name variables
import { expect, test } from "vitest"
import { interpolate } from "./interpolate.ts"

const env = { HOST: "db.local", PORT: "5432", EMPTY: "", TRICKY: "${HOST}$$" }

test.each([
  ["postgres://${HOST}:${PORT}/x", "postgres://db.local:5432/x"],
  ["a${EMPTY}b", "ab"],
  ["$${HOST}", "${HOST}"],
  ["$$$${HOST}", "$${HOST}"],
  ["costs $5 or $HOST", "costs $5 or $HOST"],
  // What a variable holds is a value, never a template.
  ["${TRICKY}", "${HOST}$$"],
])("%s becomes %s", (text, expected) => {
  expect(interpolate(text, env)).toEqual({ text: expected, problems: [] })
})

test("an unset variable is named", () => {
  expect(interpolate("${NOPE} ${HOST} ${NADA}", env).problems).toEqual([
    "needs the environment variable NOPE, which is not set",
    "needs the environment variable NADA, which is not set",
  ])
})

test.each(["${}", "${HOST", "${HOST:-x}", "${1A}"])("%s is refused with the way to write it", (text) => {
  const { problems } = interpolate(text, env)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain("write $$ for a dollar sign")
})

test.each(["${TOKEN:-canary}", "${TOKEN-canary}", "${canary!}", "pa${ca nary"])(
  "%s is refused without what may be a secret",
  (text) => {
    const { problems } = interpolate(text, env)
    expect(problems).toHaveLength(1)
    expect(problems[0]).not.toMatch(/ca ?nary/)
    expect(problems[0]?.includes("${TOKEN…")).toBe(text.includes("TOKEN"))
  },
)
