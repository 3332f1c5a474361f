import Type from "@flatbed/typebox"
import { expect, test } from "vitest"
import { bytes, duration, redact, secret } from "./index.ts"

const token = () => secret({ description: "a token" })

const schema = Type.Object({
  settle: duration({ default: "2s", description: "" }),
  auth: Type.Union([Type.Literal("none"), Type.Object({ token: token(), name: Type.String() })]),
  key: Type.Union([token(), Type.Null()]),
  pipelines: Type.Record(Type.String(), Type.Object({ url: token(), limit: bytes({ description: "" }) })),
  keys: Type.Array(token()),
  size: Type.Union([Type.Literal("all"), bytes({ description: "" })]),
  rows: Type.Integer(),
})

test("secrets are stars wherever they stand, amounts have their unit again, the rest is as it was", () => {
  const settings = {
    settle: 90_000,
    auth: { token: "hunter2", name: "ann" },
    key: "hunter2",
    pipelines: { a: { url: "hunter2", limit: 65_536 } },
    keys: ["hunter2", "hunter2"],
    size: 1_048_576,
    rows: 3,
  }
  expect(redact(schema, settings)).toEqual({
    settle: "90s",
    auth: { token: "***", name: "ann" },
    key: "***",
    pipelines: { a: { url: "***", limit: "64KiB" } },
    keys: ["***", "***"],
    size: "1MiB",
    rows: 3,
  })
})

test("a value that no schema describes is not shown", () => {
  expect(redact(Type.Object({ a: Type.Integer() }), { a: 1, b: { c: "hunter2" } })).toEqual({
    a: 1,
    b: "***",
  })
  expect(redact(Type.Object({ a: Type.Integer() }), { b: "hunter2" })).toEqual({ b: "***" })
})

test("what is left out stays out", () => {
  expect(redact(schema, { auth: "none", key: null, size: "all" })).toEqual({
    auth: "none",
    key: null,
    size: "all",
  })
})
