/** Asks for a dataset's newest version and waits while it is being made. */
import { type Dataset, isProblemCode, Problem } from "@flatbed/contract"
import { type Patience, pause } from "../retry.ts"

const lookEveryMs = 100

/**
 * Returns the dataset once its newest content is a version, or "unchanged" as soon as that is the answer. While it is `indexing` the wait goes on as long as the
 * progress rises; `limitMs` is the longest time without any.
 *
 * @throws Problem `indexing` after that time; the content's own problem when the source could not make a version.
 */
export async function awaitVersion<Answer extends Dataset>(
  getDataset: () => Promise<Answer | "unchanged">,
  parts: { readonly limitMs: number; readonly patience: Patience; readonly signal: AbortSignal },
): Promise<(Answer & { version: string }) | "unchanged"> {
  let waitedMs = 0
  let farthest = -1
  for (;;) {
    const dataset = await getDataset()
    if (dataset === "unchanged") return dataset
    switch (dataset.state) {
      case "ready":
        return withVersion(dataset)
      case "failed":
        throw contentProblem(dataset)
      case "indexing": {
        const bytes = dataset.progress?.bytes ?? 0
        if (bytes > farthest) waitedMs = 0
        farthest = Math.max(farthest, bytes)
        if (waitedMs >= parts.limitMs) throw stuck(dataset, parts.limitMs)
        await pause(parts.patience, lookEveryMs, parts.signal)
        waitedMs += lookEveryMs
      }
    }
  }
}

function withVersion<Answer extends Dataset>(dataset: Answer): Answer & { version: string } {
  const { version } = dataset
  if (version !== null) return { ...dataset, version }
  throw new Problem("chunk-damaged", `The source calls ${dataset.name} ready and names no version.`)
}

function contentProblem({ name, problem }: Dataset): Problem {
  const hint = problem?.hint === undefined ? {} : { hint: problem.hint }
  // A code this loader does not know comes from a newer source; its sentence still says what is wrong.
  const code = problem !== undefined && isProblemCode(problem.code) ? problem.code : "source-refused"
  return new Problem(code, problem?.detail ?? `The source could not make a version of ${name}.`, hint)
}

function stuck({ name, progress }: Dataset, limitMs: number): Problem {
  const done = progress === undefined ? "" : ` It stands at ${progress.bytes} of ${progress.of} bytes.`
  return new Problem("indexing", `The source made no progress with ${name} for ${limitMs / 1000} s.${done}`, {
    hint: "Look at the source's log, or raise deadlines.indexing.",
  })
}
