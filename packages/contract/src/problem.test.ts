import { describe, expect, test } from "vitest"
import {
  asProblem,
  exitCodes,
  fromProblemDocument,
  isProblemCode,
  Problem,
  type ProblemCode,
  problems,
  toProblemDocument,
} from "./problem.ts"

const codes = Object.keys(problems) as ProblemCode[]
const travelling = codes.filter((code) => problems[code].status !== null)
const staying = codes.filter((code) => problems[code].status === null)

const facts = { file: "a.csv", line: 7, column: null }

describe("on the wire", () => {
  test.each(travelling)("%s thrown in the source is %s caught in the loader", (code) => {
    const thrown = new Problem(code, "This was found.", { hint: "Do this.", facts })
    const text = JSON.stringify(toProblemDocument(thrown))
    const caught = fromProblemDocument(JSON.parse(text), 3)
    expect(caught).toBeInstanceOf(Problem)
    expect(caught).toMatchObject({
      code,
      message: "This was found.",
      hint: "Do this.",
      facts,
      retryAfterSeconds: 3,
      status: thrown.status,
      retryable: thrown.retryable,
      exitCode: thrown.exitCode,
    })
  })

  test.each(staying)("%s is never believed when it comes over the wire", (code) => {
    expect(fromProblemDocument(toProblemDocument(new Problem(code, "found")))).toBeUndefined()
  })

  test("hint and facts are left out when there are none", () => {
    expect(toProblemDocument(new Problem("indexing", "Not yet."))).toEqual({
      type: "about:blank",
      title: "The first version is still being made",
      status: 503,
      detail: "Not yet.",
      code: "indexing",
    })
  })

  test.each([
    ["nothing", null],
    ["text", "indexing"],
    ["a list", [{ code: "indexing", detail: "x" }]],
    ["another's problem", { type: "about:blank", title: "Not Found", status: 404 }],
    ["an unknown code", { code: "teapot", detail: "x" }],
    ["a name of every object", { code: "constructor", detail: "x" }],
    ["a code without detail", { code: "indexing" }],
  ])("%s is no problem document of ours", (_name, body) => {
    expect(fromProblemDocument(body)).toBeUndefined()
  })

  test("a hint or facts of another shape are dropped, the problem stays", () => {
    const caught = fromProblemDocument({ code: "indexing", detail: "x", hint: 5, facts: { deep: { a: 1 } } })
    expect(caught).toMatchObject({ code: "indexing", hint: undefined, facts: {} })
  })
})

describe("the table", () => {
  test("exit codes are the command line's contract", () => {
    expect(exitCodes).toEqual({
      done: 0,
      unexpected: 1,
      usage: 2,
      source: 3,
      database: 4,
      contract: 5,
      rejects: 6,
      receipt: 7,
      locked: 8,
      models: 9,
    })
  })

  test("codes are kebab-case, and no problem ends with success", () => {
    expect(codes.filter((code) => !/^[a-z]+(-[a-z]+)*$/.test(code))).toEqual([])
    expect(codes.filter((code) => new Problem(code, "").exitCode === 0)).toEqual([])
  })

  test("titles are sentences without a full stop, each its own", () => {
    const titles = codes.map((code) => problems[code].title)
    expect(titles.filter((title) => !/^[A-Z].*[^.]$/.test(title))).toEqual([])
    expect(new Set(titles).size).toBe(titles.length)
  })

  // RFC 9110: 503 asks to come back (15.6.4); the other client errors stay wrong however often they are repeated.
  // 410 is retried as a fresh run on the new version, not as the same request.
  test("what may be retried follows from the status", () => {
    for (const code of travelling) {
      const { status, retryable } = problems[code]
      expect(retryable, `${code} with ${status}`).toBe(status === 410 || Number(status) >= 500)
    }
  })
})

describe("anything thrown", () => {
  test("a Problem stays itself", () => {
    const problem = new Problem("lease-held", "x")
    expect(asProblem(problem)).toBe(problem)
  })

  test.each([
    ["an Error", new Error("password is hunter2")],
    ["text", "password is hunter2"],
    ["nothing", undefined],
  ])("%s becomes internal, keeps its cause, and tells the caller nothing", (_name, thrown) => {
    const problem = asProblem(thrown)
    expect(problem).toMatchObject({ code: "internal", status: 500, exitCode: 1 })
    expect(problem.cause).toBe(thrown)
    expect(JSON.stringify(toProblemDocument(problem))).not.toContain("hunter2")
  })

  test("a Problem is an Error with name, message and stack", () => {
    const problem = new Problem("file-empty", "a.csv holds 0 bytes.")
    expect(problem).toBeInstanceOf(Error)
    expect(String(problem)).toBe("Problem: a.csv holds 0 bytes.")
    expect(problem.stack).toContain("problem.test.ts")
    expect("cause" in problem).toBe(false)
  })
})

test("only words of the table are codes", () => {
  expect(codes.filter((code) => !isProblemCode(code))).toEqual([])
  expect(["", "toString", "__proto__", "Indexing", 5, null, undefined].filter(isProblemCode)).toEqual([])
})
