/**
 * What a file would be as a dataset, with reasons. Its beginning tells the dialect, all of its rows the types; then it
 * is read as the proposal says, so that nothing is proposed that serves fewer rows.
 */
import { basename, dirname } from "node:path"
import { completeSettings } from "@flatbed/config"
import { type Column, type ColumnType, type Evidence, joinTypes, Problem } from "@flatbed/contract"
import { counted } from "./counted.ts"
import { tellOtherKind } from "./discover/other-kinds.ts"
import { type DraftColumns, type DraftDialect, draftDialect } from "./discover/proposal.ts"
import { type DialectProposal, proposeDialect } from "./discover/propose-dialect.ts"
import {
  createUtf8Census,
  findUtf16,
  type ProposedEncoding,
  proposeEncoding,
} from "./discover/propose-encoding.ts"
import { proposeJson } from "./discover/propose-json.ts"
import type { DraftFile } from "./draft.ts"
import { type ReadableVersion, readFirstRejects } from "./first-records.ts"
import { yamlText } from "./flow-yaml.ts"
import { formatOf, hasEnding } from "./formats/formats.ts"
import { noIndexes } from "./index-folder.ts"
import { type Because, lookAtCells } from "./look-at-cells.ts"
import { withDeclared } from "./open-declared.ts"
import { type OpenFile, openFile } from "./open-file.ts"
import { sayRenamed } from "./report-text.ts"
import { checkSourceSettings, sourceSettingsSchema } from "./settings.ts"
import type { Encoding } from "./text/encodings.ts"
import { expand } from "./text/expand.ts"
import { createFileBytes } from "./text/file-bytes.ts"

const sampleBytes = 256 * 1024
const name = "discovered"

export type Discovery = DraftFile & {
  readonly dialect: DraftDialect
  readonly columnSettings: DraftColumns
  readonly because: readonly Because[]
  readonly notes: readonly string[]
  /** For each column why it has its type; none where the file cannot be served. */
  readonly evidence: readonly Evidence[]
}

type Written = {
  readonly dialect: DraftDialect
  readonly columns: DraftColumns
  /** Of a file that is no CSV: its format, and what speaks to that. */
  readonly settings?: DraftFile["settings"]
}

/** Reads the file a few times. What it can be refused for is told as its trouble; what else happens is raised. */
export async function discoverFile(path: string, signal: AbortSignal): Promise<Discovery> {
  const nothing = { path, dialect: {}, columnSettings: {}, because: [], notes: [], evidence: [] }
  if (basename(path).includes("*")) {
    return { ...nothing, trouble: "its name holds *, which stands for a pattern. Rename it." }
  }
  let known: Discovery = nothing
  try {
    const json = await guessJson(path)
    if (json !== undefined) {
      known = { ...nothing, ...json }
      const told = { dialect: {}, columns: {}, settings: json.settings }
      const found = await withProposal(path, told, signal, describe)
      return { ...known, ...found }
    }
    const guess = await withoutLoss(path, await guessDialect(path, signal), signal)
    const because = Object.entries(guess.because).map(([setting, reason]) => ({
      about: `dialect.${setting}`,
      because: reason,
    }))
    known = { ...nothing, dialect: guess.dialect, because, notes: guess.notes }
    return { ...known, ...(await proposeColumns(known, signal)) }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof Problem)) throw error
    // What is proposed has to be right: the file is not to blame.
    if (error.code === "settings-invalid") throw new Error(error.message, { cause: error })
    const { message, hint = "" } = error
    return { ...known, trouble: `${message} ${hint}`.trim() }
  }
}

/** How a file is built that its ending or its beginning tells to be JSON; undefined for all others. */
async function guessJson(
  path: string,
): Promise<Pick<Discovery, "settings" | "because" | "notes"> | undefined> {
  const file = basename(path)
  const byEnding = formatOf(file)
  const open = await openFile(dirname(path), file)
  try {
    const { bytes } = await readSample(open, file, "utf-8")
    const marked = bytes.indexOf(byteOrderMark) === 0
    const found = proposeJson(marked ? bytes.subarray(byteOrderMark.length) : bytes, byEnding === "ndjson")
    if (found === undefined && byEnding === "csv") return undefined
    const { format, records, because, notes } = found ?? {
      ...{ format: byEnding, records: "", because: { format: "its ending says so" }, notes: [] },
    }
    // A CSV may begin with a bracket; one that is called so is taken for it.
    if (byEnding === "csv" && hasEnding(file)) return undefined
    const reasons: Readonly<Record<string, string | undefined>> = because
    const settings = {
      ...(format === byEnding ? {} : { format }),
      ...(records === "" ? {} : { records }),
    }
    return {
      settings,
      because: Object.keys(settings).map((about) => ({ about, because: reasons[about] ?? "" })),
      notes,
    }
  } finally {
    await open.close()
  }
}

const byteOrderMark = Buffer.from("\ufeff")

type Guess = Pick<DialectProposal, "because" | "notes"> & {
  readonly dialect: DraftDialect
  readonly headerLine: number
}

async function guessDialect(path: string, signal: AbortSignal): Promise<Guess> {
  const file = basename(path)
  const open = await openFile(dirname(path), file)
  try {
    const raw = await readSample(open, file, "utf-8")
    // A mark is heard by whoever reads the file, and needs no setting.
    const spelled = raw.isMarked ? undefined : await guessEncoding(open, file, raw.bytes, signal)
    const encoding = spelled?.encoding ?? "utf-8"
    const sample = encoding === "utf-8" ? raw : await readSample(open, file, encoding)
    const text = sample.bytes.toString().replace(/^\ufeff/, "")
    const { dialect, because, notes } = proposeDialect(text, sample.isWhole)
    const encodingBecause = spelled?.because
    return {
      dialect: draftDialect(dialect, encoding),
      headerLine: dialect.headerLine,
      because: encodingBecause === undefined ? because : { encoding: encodingBecause, ...because },
      notes: [...tellOtherKind(raw.bytes), ...(spelled?.notes ?? []), ...notes],
    }
  } finally {
    await open.close()
  }
}

async function readSample(open: OpenFile, file: string, encoding: Encoding) {
  const { spelling, text } = await expand(
    file,
    createFileBytes(open.read, () => {}),
    encoding,
  )
  const parts: Buffer[] = []
  let length = 0
  for await (const part of text) {
    parts.push(Buffer.from(part))
    length += part.length
    if (length > sampleBytes) break
  }
  const bytes = Buffer.concat(parts).subarray(0, sampleBytes)
  return { bytes, isMarked: spelling.isMarked, isWhole: length <= sampleBytes }
}

async function guessEncoding(open: OpenFile, file: string, sample: Buffer, signal: AbortSignal) {
  const wide = findUtf16(sample)
  if (wide !== undefined) {
    const because = "every other byte of its beginning is zero, and no mark says so"
    return { encoding: wide satisfies ProposedEncoding, because, notes: [] }
  }
  const census = createUtf8Census()
  const { text } = await expand(
    file,
    createFileBytes(open.read, () => {}),
    "utf-8",
  )
  for await (const part of text) {
    signal.throwIfAborted()
    census.push(part)
  }
  return proposeEncoding(census.finish(), sample)
}

/** Lines that begin like comments are taken for some only when no row is lost by it. */
async function withoutLoss(path: string, guess: Guess, signal: AbortSignal): Promise<Guess> {
  const { comment_char: comment, ...bare } = guess.dialect
  if (comment === undefined) return guess
  const { headerLine } = guess
  const plain = headerLine === 1 ? bare : { ...bare, skip_lines: headerLine - 1 }
  const countRows = (dialect: DraftDialect) =>
    withProposal(path, { dialect, columns: {} }, signal, async ({ index: { manifest } }) => {
      return manifest.rows - manifest.rejects
    })
  if ((await countRows(guess.dialect)) >= (await countRows(plain))) return guess
  const { comment_char: _, ...because } = guess.because
  const note = `Some lines begin with ${comment} like comments, but others that do are rows.`
  return { ...guess, dialect: plain, because, notes: [...guess.notes, note] }
}

type Found = Pick<DraftFile, "rows" | "rejects"> & {
  readonly columns: readonly Column[]
  readonly evidence: readonly Evidence[]
}

async function proposeColumns(known: Discovery, signal: AbortSignal): Promise<Partial<Discovery>> {
  const { path, dialect, because, notes } = known
  const plain = { dialect, columns: {} }
  const first = await withProposal(path, plain, signal, async (version) => ({
    found: await describe(version),
    proposed: await lookAtCells(version, signal),
  }))
  const { found, proposed } = first
  const skipped = await countBlankLines(path, dialect, found.rejects?.count ?? 0, signal)
  if (skipped > 0) {
    const told = `${counted(skipped, "line")} with nothing on ${skipped === 1 ? "it" : "them"} would be set aside, as many tools write at the end`
    const skipping = {
      dialect: { ...dialect, blank_lines: "skip" },
      because: [...because, { about: "dialect.blank_lines", because: told }],
    }
    return { ...skipping, ...(await proposeColumns({ ...known, ...skipping }, signal)) }
  }
  const renamed = found.columns.flatMap(({ name }, i) => sayRenamed(name, found.evidence[i] ?? {}))
  const names = renamed.map((told) => `In the header ${told}.`)
  const told = { ...found, notes: [...notes, ...names, ...proposed.notes, ...findTotals(found)] }
  if (Object.keys(proposed.columns).length === 0) return told
  const cleaned = await withProposal(path, { dialect, columns: proposed.columns }, signal, describe)
  if ((cleaned.rejects?.count ?? 0) > (found.rejects?.count ?? 0)) {
    const note =
      "Cleaning would set more records aside than it mends, so that columns stay as they are written."
    return { ...told, notes: [...told.notes, note] }
  }
  return { ...told, ...cleaned, columnSettings: proposed.columns, because: [...because, ...proposed.because] }
}

/** How many of the records that would be set aside are lines with nothing on them. */
async function countBlankLines(
  path: string,
  dialect: DraftDialect,
  rejects: number,
  signal: AbortSignal,
): Promise<number> {
  if (rejects === 0 || dialect.blank_lines !== undefined) return 0
  const skipping = { dialect: { ...dialect, blank_lines: "skip" }, columns: {} }
  return withProposal(path, skipping, signal, async ({ index }) => rejects - index.manifest.rejects)
}

async function describe(version: ReadableVersion): Promise<Found> {
  const { manifest, evidence } = version.index
  const { columns, rows, rejects: count } = manifest
  const [first] = await readFirstRejects(version, 1)
  const found = { columns, evidence, rows: rows - count }
  if (first === undefined) return found
  // Without check's advice on encodings: which one it is was looked at over the whole file.
  return { ...found, rejects: { count, first: `line ${first.line}: ${first.code}: ${first.reason}` } }
}

/** Columns that are text only because of the last row, which then may hold totals. */
function findTotals({ columns, evidence, rows = 0, rejects }: Found): string[] {
  const last = rows + (rejects?.count ?? 0)
  return evidence.flatMap(({ column, forms }, i) => {
    const [odd, ...others] = [...forms].sort((a, b) => a.cells - b.cells)
    const isLast =
      odd?.form === "text" && odd.cells === 1 && odd.first.row === last && /^\p{L}/u.test(odd.first.value)
    const type = others.map(({ form }) => form).reduce<ColumnType | undefined>(joinForms, undefined)
    if (!isLast || columns[i]?.type !== "text" || type === undefined || type === "text") return []
    const [name, word] = [yamlText(column), yamlText(odd.first.value)]
    return [
      `${JSON.stringify(odd.first.value)} in the last row, line ${odd.first.line}, is the only value of ${JSON.stringify(column)} that is no ${type}. If it is a total, leave it out with  columns: { types: { ${name}: ${type} }, clean: { ${name}: [{ null_if: [${word}] }] } }  and  filter: { ${name}: { not_null: true } }.`,
    ]
  })
}

const joinForms = (type: ColumnType | undefined, form: ColumnType) =>
  type === undefined ? form : joinTypes(type, form)

/** Reads the file as the source would with these settings. */
async function withProposal<Result>(
  path: string,
  { dialect, columns, settings: own }: Written,
  signal: AbortSignal,
  use: (version: ReadableVersion) => Promise<Result>,
): Promise<Result> {
  const settings = completeSettings(
    { schema: sourceSettingsSchema, check: checkSourceSettings },
    {
      root: dirname(path),
      settle: "0ms",
      datasets: { [name]: { files: basename(path), dialect, columns, ...own } },
    },
  )
  return withDeclared(settings, name, { indexes: noIndexes, signal }, use)
}
