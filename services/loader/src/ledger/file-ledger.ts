/** What the ledger holds about the files whose rows a table has. */

import type { Session } from "../postgres/database.ts"
import { toStorable } from "../rejects/refusal.ts"
import { add, type Content, type PlannedFile, type RecordCounts, type VersionPart } from "../version-part.ts"
import type { Receipt } from "./ledger.ts"

/** A content that the table has, at a path where it was found. */
export type KnownFile = {
  readonly file: string
  readonly content: Content
  readonly counts: RecordCounts
  /** The run that published it there. */
  readonly runId: number
  /** Whether it stood there in the version that was published last. */
  readonly isCurrent: boolean
  readonly publishedAt: Date
}

/** A table: its name, and which one of that name. */
type TargetTable = { readonly target: string; readonly targetOid: number }

/** What is known that a version of these files may meet: their paths and contents, and the last version's files. */
export async function findKnownFiles(
  session: Session,
  { target, targetOid }: TargetTable,
  files: readonly { readonly file: string; readonly content: Content }[],
): Promise<KnownFile[]> {
  const { rows } = await session.query(
    `select file, sha256, bytes, rows, rejects, filtered, run_id, is_current, published_at from ${session.ledger}.files
      where target = $1 and target_oid = $2
        and (is_current or file = any($3::text[]) or sha256 = any($4::text[]))
      order by file_id`,
    [
      target,
      targetOid,
      files.map(({ file }) => toStorable(file)),
      files.map(({ content }) => content.sha256),
    ],
  )
  return rows.map((row) => ({
    file: row.file,
    content: { bytes: Number(row.bytes), sha256: row.sha256 },
    counts: { rows: Number(row.rows), rejects: Number(row.rejects), filtered: Number(row.filtered) },
    runId: Number(row.run_id),
    isCurrent: row.is_current,
    publishedAt: row.published_at,
  }))
}

/**
 * Notes the files of a version that was published, as the only ones that stand where they stand now. `all`: the table
 * holds no other rows, so that what was known is forgotten, as is what another table of this name held.
 */
export async function recordFiles(
  session: Session,
  table: TargetTable & { readonly runId: number },
  part: VersionPart,
  receipts: readonly Receipt[],
  all: boolean,
): Promise<void> {
  const { target, targetOid, runId } = table
  const others = `delete from ${session.ledger}.files where target = $1 and ($3 or target_oid <> $2)`
  await session.query(others, [target, targetOid, all])
  const files = countFiles(part, receipts)
  const column = <T>(read: (file: (typeof files)[number]) => T) => files.map(read)
  const found = [column(({ file }) => toStorable(file)), column(({ content }) => content.sha256)]
  // Each a join of its own: whether a row is one of ten thousand is not to be asked row by row.
  const isHere =
    "exists (select from unnest($3::text[], $4::text[]) as n (file, sha256) where n.file = f.file and n.sha256 = f.sha256)"
  const ofTable = "f.target = $1 and f.target_oid = $2"
  await session.query(
    `update ${session.ledger}.files as f set is_current = false where ${ofTable} and f.is_current and not ${isHere}`,
    [target, targetOid, ...found],
  )
  await session.query(
    `update ${session.ledger}.files as f set is_current = true, run_id = $5 where ${ofTable} and not f.is_current and ${isHere}`,
    [target, targetOid, ...found, runId],
  )
  await session.query(
    `insert into ${session.ledger}.files (target, target_oid, file, sha256, bytes, rows, rejects, filtered, run_id)
     select $1, $2, n.*, $9
       from unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
              as n (file, sha256, bytes, rows, rejects, filtered)
      where not exists (
        select from ${session.ledger}.files as f where ${ofTable} and f.file = n.file and f.sha256 = n.sha256)`,
    [
      target,
      targetOid,
      ...found,
      column(({ content }) => content.bytes),
      column(({ counts }) => counts.rows),
      column(({ counts }) => counts.rejects),
      column(({ counts }) => counts.filtered),
      runId,
    ],
  )
}

/** Another table took the place of the one that held the files' rows, and holds them now. */
export async function moveFiles(session: Session, target: string, from: number, to: number): Promise<void> {
  const text = `update ${session.ledger}.files set target_oid = $3 where target = $1 and target_oid = $2`
  await session.query(text, [target, from, to])
}

/** Each file with all of its records, those of earlier loads and those that these receipts tell of. */
function countFiles({ manifest, files }: VersionPart, receipts: readonly Receipt[]) {
  const loaded = new Map<string, RecordCounts>()
  for (const [i, { rows, rejects, filtered, refused }] of receipts.entries()) {
    const file = manifest.chunks[i]?.file ?? ""
    const counts = { rows: rows - rejects - refused, rejects: rejects + refused, filtered }
    const before = loaded.get(file)
    loaded.set(file, before === undefined ? counts : add(before, counts))
  }
  const first = new Map<string, PlannedFile>()
  for (const one of files) if (!first.has(one.content.sha256)) first.set(one.content.sha256, one)
  return files.map((one) => {
    // What stands in the version twice was loaded from its first file.
    const from = one.state === "twice" ? (first.get(one.content.sha256) ?? one) : one
    const now = loaded.get(from.file)
    return { ...one, counts: now === undefined ? from.before : add(from.before, now) }
  })
}
