// A program of ours with one command per way to end; run-program.test.ts runs it as a child process.
import { setInterval } from "node:timers"
import { Problem } from "@flatbed/contract"
import { createLog, rememberSecrets, runProgram } from "@flatbed/edge"

const command = (name, run, more = {}) => ({
  name,
  summary: `does ${name}`,
  examples: [`fixture ${name}`],
  run,
  ...more,
})

const log = () => createLog({ service: "loader", level: "info" })

/** Resolves when the signal aborts; keeps the process alive until then. */
const aborted = (signal) =>
  new Promise((resolve) => {
    const alive = setInterval(() => undefined, 1000)
    signal.addEventListener("abort", () => {
      clearInterval(alive)
      resolve()
    })
  })

process.exitCode = await runProgram({
  name: "fixture",
  summary: "Ends in every way there is",
  version: "1.2.3",
  commands: [
    command(
      "echo",
      async ({ args, options, configFile, json, color, print, note }) => {
        note("a message")
        print({ args, options, configFile, json, color, big: 2n ** 70n, small: 7n }, `text ${args.words}`)
      },
      {
        arguments: [{ name: "words", summary: "any words", variadic: true, optional: true }],
        options: [
          { flag: "--rows <n>", summary: "how many" },
          { flag: "--keep-going", summary: "go on" },
        ],
      },
    ),
    command(
      "fail",
      async ({ args }) => {
        throw new Problem(args.code, "postgres://me:hunter2@db/x was found.", { hint: "Do this next." })
      },
      { arguments: [{ name: "code", summary: "which problem" }] },
    ),
    command("bug", async () => {
      throw new TypeError("x is not a function", { cause: new Error("at postgres://me:hunter2@db/x") })
    }),
    command("crash", async () => {
      rememberSecrets(["crash-canary"])
      log().error({ event: "crash", err: new Error("with crash-canary") }, "crash-canary")
      throw Object.assign(new TypeError("crash-canary is not a function"), {
        request: { headers: ["crash-canary"] },
      })
    }),
    command("stray", async ({ signal }) => {
      void Promise.reject(new RangeError("nobody waited"))
      await aborted(signal)
    }),
    command("wait", async ({ signal }) => {
      log().info({ event: "wait.started" }, "waiting")
      await aborted(signal)
      log().info({ event: "wait.closed" }, "closed what was open")
    }),
    command("give up", async ({ signal }) => {
      log().info({ event: "wait.started" }, "waiting")
      await aborted(signal)
      throw new Error("the query was cancelled", { cause: signal.reason })
    }),
    command("lose it", async ({ signal }) => {
      log().info({ event: "wait.started" }, "waiting")
      await aborted(signal)
      throw new Problem("database-unreachable", "The connection is gone.")
    }),
    command("stubborn", async () => {
      log().info({ event: "wait.started" }, "waiting")
      process.on("SIGINT", () => log().info({ event: "signal.seen" }, "not yet"))
      await new Promise(() => setInterval(() => undefined, 1000))
    }),
    command("talk", async ({ print, note }) => {
      for (let line = 0; line < 100_000; line += 1) print(line, `line ${line}`)
      note("talked to the end")
    }),
  ],
})
