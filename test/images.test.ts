// If this fails, an image lacks a package that its service needs, carries one that it does not, or starts with
// settings that cannot be used.
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { readSettings } from "@flatbed/config"
import { checkSettings, settingsSchema } from "@flatbed/loader"
import { readSourceSettings } from "@flatbed/source"
import { expect, test } from "vitest"

const root = resolve(import.meta.dirname, "..")
const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8")
const readManifest = (...path: string[]) => JSON.parse(read(...path, "package.json"))

test.each(["source", "loader"])(
  "the image of the %s holds exactly the packages of ours that it needs",
  (name) => {
    const dockerfile = read("services", name, "Dockerfile")
    const carried = dockerfile.matchAll(/^COPY --from=build \/flatbed\/(packages\/[a-z]+)\/dist \1\/dist$/gm)
    expect([...carried].map(([, folder]) => folder).sort()).toEqual(packagesBelow(`services/${name}`).sort())
    expect(dockerfile).toContain(`npm install -g ${readManifest(".").packageManager}\n`)
  },
)

test("the settings of the images and units can be used as they are", async () => {
  const env = {
    CREDENTIALS_DIRECTORY: "/run/secrets",
    FLATBED_TOKEN_SHA256: "0".repeat(64),
    FLATBED_TOKEN: "flatbed_x",
    FLATBED_SOURCE_URL: "https://files.example.net:4000",
    DATABASE_URL: "postgres://postgres/flatbed",
  }
  const source = await readSourceSettings({ file: join(root, "services/source/deploy/source.yaml"), env })
  expect(source.settings.tls?.key).toBe("/run/secrets/source.key")
  const file = join(root, "services/loader/deploy/loader.yaml")
  const loader = await readSettings({
    schema: settingsSchema,
    prefix: "FLATBED_LOADER",
    file,
    env,
    check: checkSettings,
  })
  expect(loader.settings.source.ca).toBe("/run/secrets/ca.crt")
  const offered = Object.keys(source.settings.datasets)
  expect(Object.values(loader.settings.pipelines).map(({ dataset }) => dataset)).toEqual(offered)
})

/** What a workspace needs at run time of ours, over any number of steps. */
function packagesBelow(folder: string): string[] {
  const names = Object.keys(readManifest(folder).dependencies ?? {}).filter((name) =>
    name.startsWith("@flatbed/"),
  )
  const direct = readdirSync(join(root, "packages"))
    .map((name) => `packages/${name}`)
    .filter((path) => names.includes(readManifest(path).name))
  return [...new Set(direct.flatMap((path) => [path, ...packagesBelow(path)]))]
}
