/** What a run of `append` is to load: the version without what the table has from before. */
import type { Manifest } from "@flatbed/contract"
import type { Logger } from "pino"
import { compareFiles } from "./compare-files.ts"
import { type AskParts, askForBeginnings } from "./fetch/ask-source.ts"
import type { Lease } from "./lease.ts"
import { findKnownFiles } from "./ledger/file-ledger.ts"
import type { Pipeline } from "./settings/pipeline-settings.ts"
import { counted } from "./summary.ts"
import { contentOf, newPart, type VersionPart, wholeVersion } from "./version-part.ts"

/**
 * The whole version, or for `append` what of its files the table does not have; `targetOid` is the table's, undefined
 * where there is none yet.
 *
 * @throws Problem `file-changed`, see compare-files.ts.
 */
export async function planPart(
  pipeline: Pipeline,
  manifest: Manifest,
  targetOid: number | undefined,
  lease: Pick<Lease, "transaction">,
  parts: AskParts,
): Promise<VersionPart> {
  if (pipeline.mode !== "append") return wholeVersion(manifest)
  const files = manifest.files.map((one) => ({ file: one.file, content: contentOf(one) }))
  const known =
    targetOid === undefined
      ? []
      : await lease.transaction(
          (session) => findKnownFiles(session, { target: pipeline.target, targetOid }, files),
          { doing: "looking for files that were appended before" },
        )
  const ask = (file: number, lengths: readonly number[]) => askForBeginnings(manifest, file, lengths, parts)
  const part = newPart(manifest, await compareFiles(manifest, known, ask))
  tellPart(parts.log, part)
  return part
}

/** `files.compared`, and which files went on under another name. */
function tellPart(log: Logger, { files, counts, knownRows }: VersionPart): void {
  for (const { file, from } of files) {
    if (from !== undefined)
      log.info({ event: "file.renamed", file, from }, `${file} goes on where ${from} ended, which is gone`)
  }
  for (const { file, state, content } of files) {
    if (state === "twice")
      log.info(
        { event: "file.repeated", file, sha256: content.sha256 },
        `${file} has the content of an earlier file`,
      )
  }
  if (counts === undefined) return
  log.info(
    { event: "files.compared", files: files.length, ...counts, known_rows: knownRows },
    `of ${counted(files.length, "file")} ${counts.new} new, ${counts.grown} grown, ${counts.known} known`,
  )
}
