// If this file fails, a command that a message tells the user to type does not run where the user stands.
import { expect, test } from "vitest"
import { commandLine } from "./shown-command.ts"

const onPath = { env: {}, script: "/usr/local/bin/flatbed-loader" }
const shown = (configFile?: string, started: Parameters<typeof commandLine>[3] = onPath) =>
  commandLine("flatbed-loader", "runs list", configFile, started)

test.each([
  [{ npm_execpath: "/x/npm-cli.js" }, "/x/bin/flatbed-loader.mjs"],
  [{ npm_lifecycle_event: "npx" }, "/x/bin/flatbed-loader.mjs"],
  [{}, "/x/node_modules/.bin/flatbed-loader"],
])("started with npx (%j, %s), the next command is too", (env, script) => {
  expect(shown(undefined, { env, script })).toBe("npx flatbed-loader runs list")
})

test("a program on the PATH is shown without npx", () => {
  expect(shown()).toBe("flatbed-loader runs list")
})

test("the settings file is named unless it is the one that is read by itself", () => {
  expect(shown("./loader.yaml")).toBe("flatbed-loader runs list")
  expect(shown("data/loader.yaml")).toBe("flatbed-loader runs list --config data/loader.yaml")
  expect(commandLine("flatbed-source", "serve", "loader.yaml", onPath)).toBe(
    "flatbed-source serve --config loader.yaml",
  )
})

test("what a shell would take apart is quoted", () => {
  expect(shown("my files/it's.yaml")).toBe("flatbed-loader runs list --config 'my files/it'\\''s.yaml'")
})
