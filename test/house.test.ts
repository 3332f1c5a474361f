// If this fails, the house no longer stands as ARCHITECTURE.md draws it: a newcomer would look in the wrong room,
// and a service could reach into the other one past the contract.
import { readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import { expect, test } from "vitest"

const root = resolve(import.meta.dirname, "..")

type SourceFile = { path: string; room: string; imports: string[]; calls: string[]; text: string }

// A name with a placeholder stands in the text of a program that a test starts.
const importedName = /\bfrom\s+"([^"\s$]+)"|\bimport\s*\(?\s*"([^"\s$]+)"/g

const rooms = [
  "packages/typebox",
  "packages/codec",
  "packages/contract",
  "packages/config",
  "packages/edge",
  "packages/testing",
  "packages/local",
  "packages/bench",
]
const services = ["services/source", "services/loader"]

/** Which of our packages each room may import; in a room's tests and conformance suites `testing` as well. */
const mayImport: Record<string, string[]> = {
  "packages/typebox": [],
  "packages/codec": [],
  "packages/contract": ["typebox"],
  "packages/config": ["contract", "typebox"],
  "packages/edge": ["contract"],
  "packages/testing": ["contract", "typebox"],
  "services/source": ["codec", "contract", "config", "edge", "typebox"],
  "services/loader": ["codec", "contract", "config", "edge", "typebox"],
  "packages/local": ["contract", "config", "edge", "testing", "source", "loader"],
  "packages/bench": ["contract", "local", "testing"],
  test: ["contract", "config", "edge", "testing", "local", "source", "loader"],
}

const files = [...rooms, ...services].flatMap((room) => read(room, "src")).concat(read("test", "."))

test("rooms import only the rooms below them, through their front doors", () => {
  const trespasses = files.flatMap(({ path, room, imports }) => {
    const allowed = [
      ...(mayImport[room] ?? []),
      ...(isTestCode(path) && room !== "packages/contract" ? ["testing"] : []),
    ]
    return imports
      .filter((name) => name.startsWith("@flatbed/"))
      .filter((name) => !allowed.includes(name.slice("@flatbed/".length)))
      .map(
        (name) => `${path} imports ${name}, but ${room} may import only: ${allowed.join(", ") || "nothing"}`,
      )
  })
  expect(trespasses).toEqual([])
})

test("relative imports stay inside their room", () => {
  const trespasses = files.flatMap(({ path, room, imports }) =>
    imports
      .filter((name) => name.startsWith("."))
      .map((name) => relative(join(root, room), resolve(root, dirname(path), name)))
      .filter((target) => target.startsWith(".."))
      .map((target) => `${path} reaches out of ${room}: ${target}`),
  )
  expect(trespasses).toEqual([])
})

test("every imported package is declared in the room's manifest", () => {
  const missing = files.flatMap(({ path, room, imports }) => {
    const manifest = JSON.parse(readFileSync(join(root, room, "package.json"), "utf8"))
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    return imports
      .filter((name) => !name.startsWith(".") && !name.startsWith("node:"))
      .map((name) =>
        name
          .split("/")
          .slice(0, name.startsWith("@") ? 2 : 1)
          .join("/"),
      )
      .filter((name) => !declared.includes(name))
      .map((name) => `${path} imports ${name}, which ${room}/package.json does not declare`)
  })
  expect(missing).toEqual([])
})

test("only the edge reads the process's environment", () => {
  const readers = files
    .filter(({ room }) => ["packages/contract", "packages/config", ...services].includes(room))
    .filter(({ path, text }) => !path.endsWith(".test.ts") && /process\.env/.test(text))
    .map(({ path }) => path)
    .filter((path) => basename(path) !== "main.ts")
  expect(readers).toEqual([])
})

test("the five floors of each service are listed in ARCHITECTURE.md, and imports go downward", () => {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8")
  for (const service of services) {
    const floors = readFloors(text, service)
    const own = files.filter(({ room, path }) => room === service && !isTestCode(path))
    const unlisted = own.map(({ path }) => path.slice(`${service}/src/`.length)).filter((f) => !floors.has(f))
    expect(unlisted, `files of ${service} without a floor in ARCHITECTURE.md`).toEqual([])
    const gone = [...floors.keys()].filter((f) => !own.some(({ path }) => path === `${service}/src/${f}`))
    expect(gone, `files that ARCHITECTURE.md lists for ${service} and that are not there`).toEqual([])
    const upward = own.flatMap(({ path, calls }) => {
      const from = path.slice(`${service}/src/`.length)
      return calls
        .filter((name) => name.startsWith("."))
        .map((name) => relative(join(root, service, "src"), resolve(root, dirname(path), name)))
        .filter((to) => (floors.get(to) ?? 0) < (floors.get(from) ?? 0))
        .map((to) => `${from} (floor ${floors.get(from)}) imports ${to} (floor ${floors.get(to)})`)
    })
    expect(upward).toEqual([])
  }
})

test("a file past 300 lines says at its top why it is long", () => {
  const long = files
    .filter(({ path }) => !isTestCode(path))
    .filter(({ text }) => text.split("\n").length > 300 && !/Long because /.test(text.slice(0, 1500)))
    .map(({ path }) => path)
  expect(long).toEqual([])
})

/** `services/source` has a table whose rows are `| 1 edge | main.ts, … |`; floor 1 is the top. */
function readFloors(text: string, service: string): Map<string, number> {
  const part = text.split(`<!-- floors:${service} -->`)[1]?.split("<!-- /floors -->")[0] ?? ""
  const rows = [...part.matchAll(/^\| (\d) [^|]*\|([^|]*)\|/gm)]
  expect(rows.length, `floors of ${service} in ARCHITECTURE.md`).toBe(5)
  return new Map(
    rows.flatMap(([, floor, cells]) =>
      [...(cells ?? "").matchAll(/`([^`]+)`/g)].map(([, file]) => [file ?? "", Number(floor)] as const),
    ),
  )
}

function isTestCode(path: string): boolean {
  return path.startsWith("test/") || /\.test(-kit)?\.ts$|(^|\/)describe-[^/]*\.ts$/.test(path)
}

function read(room: string, folder: string): SourceFile[] {
  const base = join(root, room, folder)
  return readdirSync(base, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
    .map((name) => {
      const text = readFileSync(join(base, name), "utf8")
      // An import of types alone is erased, and binds no floor to another.
      const running = text.replace(
        /^import (?:type )?\{(?:\s*type \w+,?)*\s*\} from .*$|^import type .*$/gm,
        "",
      )
      const calls = [...running.matchAll(importedName)].map((match) => match[1] ?? match[2] ?? "")
      const imports = [...text.matchAll(importedName)].map((match) => match[1] ?? match[2] ?? "")
      return { path: relative(root, join(base, name)), room, imports, calls, text }
    })
}
