/** `rejects export`: the records that were set aside as a file of their own dialect, to be mended by hand. */
import { resolve } from "node:path"
import { Problem } from "@flatbed/contract"
import { type Command, createNewFile } from "@flatbed/edge"
import { findRunDialect } from "../ledger/ledger.ts"
import type { Session } from "../postgres/database.ts"
import { printable } from "../printable.ts"
import { countRejects, findLatestRuns, getRejectsAfter } from "../rejects/reject-ledger.ts"
import { findRun } from "../run-list.ts"
import { counted, type ShowCommand } from "../summary.ts"
import { neverRan, unknownRun } from "./runs.ts"
import { shownBy, withLoader } from "./with-loader.ts"

export const rejectsExportCommand: Command = {
  name: "rejects export",
  summary: "writes the records that were set aside, with the reasons in front, as a CSV file",
  arguments: [
    {
      name: "run",
      summary: "a run's number, or a pipeline for its latest run; may be left out when only one has rejects",
      optional: true,
    },
  ],
  options: [{ flag: "--file <path>", summary: "into this file, which must not be there; else to stdout" }],
  examples: [
    "flatbed-loader rejects export telecom --file mend.csv",
    "flatbed-loader rejects export 7 > mend.csv",
  ],
  async run(context) {
    const file = context.options.file as string | undefined
    if (context.json && file === undefined) {
      throw new Problem("usage-invalid", "With --json the result goes to stdout, and so would the records.", {
        hint: "Name a file for them with --file.",
      })
    }
    const asked = context.args.run as string | undefined
    return await withLoader(context, async (loader) => {
      const run = await loader.askLedger((session) => findAsked(session, asked, shownBy(context)))
      const sink = file === undefined ? streamSink(context.stdout) : await createNewFile(resolve(file), file)
      try {
        const state: Progress = { after: 0, written: 0 }
        await loader.askLedger((session) =>
          writeRejects(session, run, sink, { state, signal: context.signal }),
        )
        await sink.keep()
        if (file !== undefined) {
          context.print({ run, file, rejects: state.written }, file)
          context.note(`${counted(state.written, "record")} of run ${run}`)
        }
        return 0
      } finally {
        await sink.close()
      }
    })
  },
}

/** How far the export has come: a transaction that is tried again goes on from there. */
type Progress = { after: number; written: number; begun?: true }

type Sink = {
  write(text: string): Promise<void>
  /** Whether nobody reads any more. */
  isGone?(): boolean
  keep(): Promise<void>
  close(): Promise<void>
}

async function writeRejects(
  session: Session,
  run: number,
  sink: Sink,
  { state, signal }: { readonly state: Progress; readonly signal: AbortSignal },
): Promise<void> {
  // Every command would load it with its tables of encodings.
  const { createRejectExport } = await import("../rejects/reject-export.ts")
  const { head, spell } = createRejectExport(await findRunDialect(session, run))
  if (!state.begun) await sink.write(head)
  state.begun = true
  for (;;) {
    signal.throwIfAborted()
    const rejects = await getRejectsAfter(session, run, state.after)
    const last = rejects.at(-1)
    if (last === undefined) return
    await sink.write(rejects.map(spell).join(""))
    if (sink.isGone?.()) return
    state.after = last.row
    state.written += rejects.length
  }
}

/**
 * Waits until the bytes have left, so that a slow reader does not fill the memory; one that is gone ends the work. A
 * terminal gets what it cannot take for commands.
 */
function streamSink(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): Sink {
  let gone = false
  const shown = (text: string) =>
    stream.isTTY === true
      ? text
          .replace(/^\ufeff/, "")
          .split("\r\n")
          .map(printable)
          .join("\n")
      : text
  return {
    write: (text) =>
      new Promise((done) => {
        stream.write(shown(text), (error) => {
          gone ||= error !== null && error !== undefined
          done()
        })
      }),
    isGone: () => gone,
    keep: async () => {},
    close: async () => {},
  }
}

async function findAsked(
  session: Session,
  asked: string | undefined,
  showCommand: ShowCommand,
): Promise<number> {
  if (asked !== undefined && /^[0-9]{1,15}$/.test(asked)) {
    if ((await findRun(session, Number(asked))) === undefined) throw unknownRun(Number(asked), showCommand)
    return Number(asked)
  }
  const runs = await findLatestRuns(session, asked)
  if (asked !== undefined && runs.length === 0) throw await neverRan(session, asked, showCommand)
  if (runs.length === 1) return runs[0] as number
  const having: number[] = []
  for (const run of runs) if ((await countRejects(session, [run])) > 0) having.push(run)
  if (having.length === 1) return having[0] as number
  if (having.length === 0) {
    throw new Problem("usage-invalid", "No pipeline's latest run has rejects: there is nothing to export.", {
      hint: `All runs are listed by: ${showCommand("runs list")}`,
    })
  }
  throw new Problem("usage-invalid", `The latest runs of ${having.length} pipelines have rejects.`, {
    hint: `Name one: ${having.map((run) => showCommand(`rejects export ${run}`)).join(" or ")}`,
  })
}
