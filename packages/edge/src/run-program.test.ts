import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { exitCodes, Problem, type ProblemCode } from "@flatbed/contract"
import { startProcess, type TestProcess } from "@flatbed/testing"
import { afterEach, describe, expect, test } from "vitest"
import type { Command, Program } from "./program.ts"
import { runProgram } from "./run-program.ts"

const script = join(import.meta.dirname, "fixture-program.mjs")

const running: TestProcess[] = []
afterEach(async () => {
  for (const child of running.splice(0)) await child.close()
})

function start(...args: string[]): TestProcess {
  const child = startProcess({ script, args })
  running.push(child)
  return child
}

const programThat = (run: Command["run"]): Program => ({
  name: "p",
  summary: "",
  version: "1.0.0",
  commands: [{ name: "act", summary: "", examples: [], run }],
})

/** Runs in this process and shows nothing. */
const silent = (...argv: string[]) => ({
  argv,
  env: {},
  stdout: new PassThrough(),
  stderr: new PassThrough(),
})

async function run(...args: string[]) {
  const child = start(...args)
  const { code } = await child.end()
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

test("an option that may stand several times is a list, of none where it does not stand", async () => {
  const seen: unknown[] = []
  const options = [{ flag: "--set <pair>", summary: "", repeatable: true }]
  const program = programThat(async (context) => {
    seen.push(context.options.set)
    return 0
  })
  const commands = program.commands.map((command) => ({ ...command, options }))
  for (const argv of [["act"], ["act", "--set", "a=1", "--set", "b=2"]])
    expect(await runProgram({ ...program, commands }, silent(...argv))).toBe(0)
  expect(seen).toEqual([[], ["a=1", "b=2"]])
})

describe("results and messages", () => {
  test("text goes to stdout, messages go to stderr", async () => {
    expect(await run("echo", "a", "b")).toEqual({ code: 0, stdout: "text a,b\n", stderr: "a message\n" })
  })

  test("--json prints one document, in which no digit of a big integer is lost", async () => {
    const { stdout } = await run("echo", "a", "--rows", "5", "--keep-going", "--config", "x.yaml", "--json")
    expect(stdout.split("\n")).toHaveLength(2)
    expect(JSON.parse(stdout)).toEqual({
      args: { words: ["a"] },
      options: { rows: "5", keepGoing: true },
      configFile: "x.yaml",
      json: true,
      color: false,
      big: "1180591620717411303424",
      small: 7,
    })
  })

  test("--config and --json may stand before the command", async () => {
    const { stdout } = await run("--json", "--config", "x.yaml", "echo")
    expect(JSON.parse(stdout)).toMatchObject({ configFile: "x.yaml", json: true, options: {} })
  })

  test("help opens with examples and lists every command; the version is one line", async () => {
    const help = await run("--help")
    expect(help.code).toBe(0)
    expect(help.stdout).toMatch(/^Examples:\n {2}fixture echo\n/)
    for (const word of ["echo", "fail", "give", "stubborn", "--config <file>", "--json"]) {
      expect(help.stdout).toContain(word)
    }
    expect((await run("echo", "--help")).stdout).toMatch(
      /^Examples:\n {2}fixture echo\n[\s\S]*--rows <n> +how many/,
    )
    expect(await run("--version")).toEqual({ code: 0, stdout: "1.2.3\n", stderr: "" })
    // Behind a command it is an option of that command, if it is one at all.
    expect((await run("echo", "--version")).code).toBe(2)
  })

  test("a reader that goes away is no failure", async () => {
    const child = spawn(process.execPath, [script, "talk"], { stdio: ["ignore", "pipe", "pipe"] })
    let stderr = ""
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text
    })
    child.stdout.once("data", () => child.stdout.destroy())
    const [code] = await once(child, "close")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "talked to the end\n" })
  })
})

describe("usage", () => {
  test.each([
    [["ech"], "fixture: unknown command 'ech'", "Did you mean echo?"],
    [["echo", "--row", "5"], "fixture: unknown option '--row'", "Did you mean --rows?"],
    [["fail"], "fixture: missing required argument 'code'", "fixture --help lists what there is."],
    [
      ["echo", "--rows"],
      "fixture: option '--rows <n>' argument missing",
      "fixture --help lists what there is.",
    ],
  ])("%j is refused with what is near", async (args, detail, hint) => {
    expect(await run(...args)).toEqual({
      code: 2,
      stdout: "",
      stderr: `usage-invalid: The command, or what it was given, cannot be used\n${detail}\n${hint}\n`,
    })
  })

  test("too many arguments are refused", async () => {
    expect(await run("fail", "lease-held", "more")).toMatchObject({ code: 2, stdout: "" })
  })

  test("no command at all shows the help and is no success", async () => {
    const { code, stdout, stderr } = await run()
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toContain("Usage: fixture")
  })
})

describe("failures", () => {
  test.each([
    ["settings-invalid", 2],
    ["source-unreachable", 3],
    ["database-refused", 4],
    ["columns-differ", 5],
    ["receipt-unbalanced", 7],
    ["lease-held", 8],
  ] satisfies [ProblemCode, number][])("%s ends with %d", async (code, exit) => {
    const program = programThat(async () => {
      throw new Problem(code, "found")
    })
    expect(await runProgram(program, silent("act"))).toBe(exit)
  })

  test.each(Object.values(exitCodes))("a command that returns %d ends with it", async (code) => {
    expect(
      await runProgram(
        programThat(async () => code),
        silent("act"),
      ),
    ).toBe(code)
  })

  test("colours only where a terminal wants them", async () => {
    const seen: boolean[] = []
    const program = programThat(async ({ color }) => {
      seen.push(color)
    })
    const stdout = Object.assign(new PassThrough(), { isTTY: true })
    for (const env of [{}, { NO_COLOR: "1" }, { NO_COLOR: "" }, { TERM: "dumb" }]) {
      await runProgram(program, { ...silent("act"), stdout, env })
    }
    expect(seen).toEqual([true, false, true, false])
  })

  test("two words are a subcommand", async () => {
    let ran = false
    const act: Command = {
      name: "token new",
      summary: "",
      examples: [],
      run: async () => {
        ran = true
      },
    }
    const program: Program = { name: "p", summary: "", version: "1.0.0", commands: [act] }
    expect(await runProgram(program, silent("token", "new"))).toBe(0)
    expect(ran).toBe(true)
    expect(await runProgram(program, silent("token", "old"))).toBe(2)
  })

  test("signal listeners go when the command is over", async () => {
    const before = process.listenerCount("SIGTERM")
    await runProgram(
      programThat(async () => 0),
      silent("act"),
    )
    expect(process.listenerCount("SIGTERM")).toBe(before)
  })

  test("a problem is three lines: code and title, what was found, what to do; secrets are stars", async () => {
    expect((await run("fail", "database-refused")).stderr).toBe(
      "database-refused: Postgres refused the connection or the right\n" +
        "postgres://me:***@db/x was found.\nDo this next.\n",
    )
  })

  test("with --json it is the problem document, one line on stderr", async () => {
    const { code, stdout, stderr } = await run("fail", "lease-held", "--json")
    expect({ code, stdout }).toEqual({ code: 8, stdout: "" })
    expect(JSON.parse(stderr)).toMatchObject({ code: "lease-held", hint: "Do this next." })
    expect(stderr).not.toContain("hunter2")
  })

  test("anything else is internal: exit 1, with stack and cause, without secrets", async () => {
    const { code, stderr } = await run("bug")
    expect(code).toBe(1)
    expect(stderr).toMatch(/^internal: Something unexpected happened\n/)
    expect(stderr).toMatch(/TypeError: x is not a function\n {4}at /)
    expect(stderr).toContain("postgres://me:***@db/x")
    const document = JSON.parse((await run("bug", "--json")).stderr)
    expect(document).toMatchObject({ code: "internal", stack: expect.stringContaining("TypeError") })
  })

  test("a crash shows none of the secrets that the process was given, in its log neither", async () => {
    for (const args of [["crash"], ["crash", "--json"]]) {
      const { code, stdout, stderr } = await run(...args)
      expect(code).toBe(1)
      expect(stderr).toContain("*** is not a function")
      expect(stderr).toContain("with ***")
      expect(stdout + stderr).not.toContain("crash-canary")
    }
  })

  test("a rejection that nobody waited for ends the process with 1", async () => {
    const { code, stderr } = await run("stray")
    expect(code).toBe(1)
    expect(stderr).toMatch(/^internal: [\s\S]*RangeError: nobody waited/)
  })
})

describe("signals", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s lets the command close what it opened, then ends with %d", async (signal, code) => {
    const child = start("wait")
    await child.waitForEvent("wait.started")
    child.kill(signal)
    expect(await child.end()).toEqual({ code, signal: null })
    expect(child.events().map(({ event }) => event)).toEqual(["wait.started", "wait.closed"])
  })

  test("a command that throws because of the signal is not a failure", async () => {
    const child = start("give", "up")
    await child.waitForEvent("wait.started")
    child.kill("SIGTERM")
    expect(await child.end()).toEqual({ code: 143, signal: null })
    expect(child.stderr().trim().split("\n")).toHaveLength(1)
  })

  test("what goes wrong while closing is told; the exit code stays the signal's", async () => {
    const child = start("lose", "it")
    await child.waitForEvent("wait.started")
    child.kill("SIGINT")
    expect(await child.end()).toEqual({ code: 130, signal: null })
    expect(child.stderr()).toContain(
      "database-unreachable: Postgres does not answer\nThe connection is gone.\n",
    )
  })

  test("a second signal ends at once", async () => {
    const child = start("stubborn")
    await child.waitForEvent("wait.started")
    child.kill("SIGINT")
    await child.waitForEvent("signal.seen")
    child.kill("SIGINT")
    expect(await child.end()).toEqual({ code: 130, signal: null })
  })
})
