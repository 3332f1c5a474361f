// If this fails, a README says something that the code does not do.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { describe, expect, test } from "vitest"
import { tables, withTables } from "./tables.ts"

const root = resolve(import.meta.dirname, "..")
const tree = [
  ...readdirSync(root),
  ...["packages", "services", "data", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  ),
].filter((name) => !/(^|\/)(node_modules|dist)(\/|$)/.test(name))
const pages = tree.filter((name) => name.endsWith(".md")).map((name) => join(root, name))

describe.each(pages.map((page) => [relative(root, page), page] as const))("%s", (_name, page) => {
  test("shows the tables that the code makes", () => {
    const text = readFileSync(page, "utf8")
    const made = withTables(text)
    if (process.env.UPDATE_DOCS === "1") writeFileSync(page, made)
    else expect(text).toBe(made)
  })

  test("links to files that exist", () => {
    const text = readFileSync(page, "utf8").replace(/```[\s\S]*?```/g, "")
    const files = new Set(tree)
    const broken = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((match) => relative(root, resolve(page, "..", match[1] ?? "")))
      .filter((target) => target !== "" && !files.has(target))
    expect(broken).toEqual([])
  })
})

test("every table that the code can make stands in a README", () => {
  const shown = pages.flatMap((page) => [...readFileSync(page, "utf8").matchAll(/<!-- table:([a-z-]+) -->/g)])
  expect(new Set(shown.map((match) => match[1]))).toEqual(new Set(Object.keys(tables)))
})
