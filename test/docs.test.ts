// If this fails, a README says something that the code does not do.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { loaderSchemaText } from "@flatbed/loader"
import { sourceSchemaText } from "@flatbed/source"
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

test.each([
  ["services/source/source.schema.json", sourceSchemaText],
  ["services/loader/loader.schema.json", loaderSchemaText],
])("%s is the schema by which the service reads its settings", (name, made) => {
  const file = join(root, name)
  if (process.env.UPDATE_DOCS === "1") writeFileSync(file, made())
  else expect(readFileSync(file, "utf8")).toBe(made())
})

test("the settings files of the project name the schema that editors check them by", () => {
  for (const service of ["source", "loader"]) {
    const line = (file: string) => readFileSync(join(root, file), "utf8").split("\n")[0]
    for (const name of tree.filter((one) => one.startsWith("data/") && one.endsWith(`${service}.yaml`))) {
      const up = "../".repeat(name.split("/").length - 1)
      expect(line(name), name).toBe(
        `# yaml-language-server: $schema=${up}services/${service}/${service}.schema.json`,
      )
    }
    expect(line(`services/${service}/deploy/${service}.yaml`)).toBe(
      `# yaml-language-server: $schema=../${service}.schema.json`,
    )
  }
})

test("every table that the code can make stands in a README", () => {
  const shown = pages.flatMap((page) => [...readFileSync(page, "utf8").matchAll(/<!-- table:([a-z-]+) -->/g)])
  expect(new Set(shown.map((match) => match[1]))).toEqual(new Set(Object.keys(tables)))
})
