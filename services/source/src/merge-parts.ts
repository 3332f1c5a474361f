/** Pure: from what the reading of each file has found to the one version over all of them. */
import { type Column, type Manifest, type ManifestChunk, Problem } from "@flatbed/contract"
import { type ChunkIndex, withHashKey } from "./chunk-index.ts"
import { nameColumns } from "./column-names.ts"
import { counted } from "./counted.ts"
import { evidenceOf, type FilePart } from "./file-part.ts"
import { withoutAdded } from "./formats/added-columns.ts"
import { type Layout, type Mends, mendKinds } from "./formats/format.ts"
import type { JsonDialect } from "./formats/json-dialect.ts"
import { findNullObjects, refuseClashes } from "./formats/json-merge.ts"
import { noExploded } from "./formats/json-refusals.ts"
import { absentIndex } from "./formats/shape-row.ts"
import { mergeEvidence } from "./merge-evidence.ts"
import { resolveServedColumns } from "./served-columns.ts"
import { plainSpelling } from "./text/spelling.ts"
import { nameVersion, type Shape } from "./version-name.ts"

type Field = Layout["fields"][number]
/** Whether a place of a layout is no column of the version: see findNullObjects. */
type IsLeftOut = (layout: Layout, place: number) => boolean

export type MergeRequest = {
  readonly dataset: string
  readonly shape: Shape
  readonly maxRecordBytes: number
  /** Whether files of another shape are served too, with NULL where they have no such column. */
  readonly isUnion: boolean
}

/**
 * One version over files in this order: rows and chunks are numbered through, types and NULLs are those of all rows.
 * Columns are found by their names, wherever they stand in a file. Raises files-differ for files without the same
 * columns unless they are united, header-invalid for columns that cannot be told apart, column-unknown for settings that
 * name what none of them has, and file-empty or json-invalid where none names a column.
 */
export function mergeParts(
  parts: readonly FilePart[],
  { dataset, shape, maxRecordBytes, isUnion }: MergeRequest,
): ChunkIndex {
  const [first] = parts
  if (first === undefined) throw new Error(`no file of ${dataset} to make a version of`)
  const places = parts.map((part) => ({
    file: part.file,
    layout: part.index.layout,
    names: part.index.names,
    part,
  }))
  const isNullObject = findNullObjects(places, hasValues)
  const names = namesOfAll(parts, isNullObject)
  if (!isUnion) refuseOthers(first, parts)
  refuseUnknown(parts, names, shape)
  refuseUnexploded(parts)
  refuseClashes(places, isNullObject)
  const fields = fieldsOf(parts, shape, isNullObject)
  const columns = describeColumns(parts, fields)
  const typed = columns.map(({ field, type }): Field => ({ ...field, type }))
  const served = columns.map(
    ({ field, type, evidence }): Column => ({ name: field.name, type, nullable: evidence.nulls > 0 }),
  )
  const files = parts.flatMap(({ index }) => index.manifest.files)
  const version = nameVersion(dataset, files, shape, served, maxRecordBytes)
  const layoutFor = createLayouts(typed, shape)
  return {
    manifest: {
      dataset,
      version,
      columns: served,
      files,
      ...describeDialect(parts),
      ...numberThrough(parts),
    },
    evidence: columns.map(({ evidence }) => evidence),
    layout: layoutFor(first.index.layout),
    names,
    fileLayouts: new Map(parts.map(({ file, index }) => [file, layoutFor(index.layout)])),
    mends: mergeMends(parts),
    firstLines: parts.flatMap(({ index }) => index.firstLines),
    spelling: files.length === 1 ? first.index.spelling : plainSpelling,
  }
}

/** The served columns in their order: that of `select`, otherwise that in which the files name them first. */
function fieldsOf(parts: readonly FilePart[], { columns }: Shape, isLeftOut: IsLeftOut): Field[] {
  const fields = new Map<string, Field>()
  const seen = new Set<Layout>()
  for (const { index } of parts) {
    if (seen.has(index.layout)) continue
    seen.add(index.layout)
    for (const field of index.layout.fields) {
      const isOwnPlace = field.added === undefined
      if (isOwnPlace && isLeftOut(index.layout, field.index)) continue
      if (!fields.has(field.name)) fields.set(field.name, field)
    }
  }
  const found = [...fields.values()]
  const isOwn = ({ added }: Field) => added === undefined
  const { select, rename } = columns
  const added = found.filter((field) => !isOwn(field))
  if (select === undefined) return [...found.filter(isOwn), ...added]
  const renamed = new Map(Object.entries(rename))
  const order = new Map(select.map((name, i) => [renamed.get(name) ?? name, i]))
  const own = found.filter(isOwn)
  return [...own.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0)), ...added]
}

function describeColumns(parts: readonly FilePart[], fields: readonly Field[]) {
  const said = parts.map((part) => {
    const evidence = evidenceOf(part)
    const { rows, rejects } = part.index.manifest
    return { part, rows, served: rows - rejects, byName: new Map(evidence.map((one) => [one.column, one])) }
  })
  return fields.map((field) => {
    let rowsBefore = 0
    const files = said.map(({ part, rows, served, byName }) => {
      const one = { file: part.file, rowsBefore, rows: served, evidence: byName.get(field.name) }
      rowsBefore += rows
      return one
    })
    const merged = mergeEvidence(field.name, field.declared ? field.type : undefined, files)
    return { field, ...merged }
  })
}

/** How a file of its own layout is read as rows of all columns. */
function createLayouts(fields: readonly Field[], { columns }: Shape): (own: Layout) => Layout {
  const made = new Map<Layout, Layout>()
  return (own) => {
    const known = made.get(own)
    if (known !== undefined) return known
    const byName = new Map(own.fields.map((field) => [field.name, field]))
    const served = fields.map((field) => {
      const there = byName.get(field.name)
      return there === undefined ? { ...field, index: absentIndex } : { ...there, type: field.type }
    })
    const layout = withHashKey({ ...own, fields: served }, columns.hashKey)
    made.set(own, layout)
    return layout
  }
}

function numberThrough(
  parts: readonly FilePart[],
): Pick<Manifest, "rows" | "rejects" | "filtered" | "chunks"> {
  const chunks: ManifestChunk[] = []
  let [rows, rejects, filtered] = [0, 0, 0]
  for (const { index } of parts) {
    const { manifest } = index
    for (const chunk of manifest.chunks)
      chunks.push({ ...chunk, chunk: chunks.length + 1, first_row: rows + chunk.first_row })
    rows += manifest.rows
    rejects += manifest.rejects
    filtered += manifest.filtered
  }
  return { rows, rejects, filtered, chunks }
}

function mergeMends(parts: readonly FilePart[]): Mends {
  const merged: { -readonly [Kind in keyof Mends]: Mends[Kind] } = {}
  for (const { index } of parts) {
    for (const kind of mendKinds) {
      const own = index.mends[kind]
      if (own === undefined) continue
      const { records, line } = merged[kind] ?? { records: 0, line: own.line }
      merged[kind] = { records: records + own.records, line }
    }
  }
  return merged
}

/** As of one file where all are written alike; else the names of the cells are no one's. */
function describeDialect(parts: readonly FilePart[]): Pick<Manifest, "dialect"> {
  const [dialect] = parts.map(({ index }) => index.manifest.dialect)
  if (dialect === undefined) return {}
  const isSame = parts.every(({ index }) => sameNames(index.manifest.dialect?.fields ?? [], dialect.fields))
  return { dialect: isSame ? dialect : { ...dialect, fields: [] } }
}

const sameNames = (a: readonly string[], b: readonly string[]) =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]))

function refuseOthers(first: FilePart, parts: readonly FilePart[]): void {
  const names = namesOf(first)
  const expected = new Set(names)
  const seen = new Set([first.index.names])
  for (const part of parts) {
    if (seen.has(part.index.names)) continue
    seen.add(part.index.names)
    const own = namesOf(part)
    const found = new Set(own)
    const lacks = names.filter((name) => !found.has(name))
    const extra = own.filter((name) => !expected.has(name))
    if (lacks.length > 0 || extra.length > 0) throw differ({ first, names }, { part, own }, lacks, extra)
  }
}

function differ(
  { first, names }: { readonly first: FilePart; readonly names: readonly string[] },
  { part, own }: { readonly part: FilePart; readonly own: readonly string[] },
  lacks: readonly string[],
  extra: readonly string[],
): Problem {
  const differences = [
    ...(lacks.length === 0 ? [] : [`${part.file} lacks ${list(lacks)}`]),
    ...(extra.length === 0
      ? []
      : [`${lacks.length === 0 ? `${part.file} has` : "has"} ${list(extra)} besides`]),
  ]
  return new Problem(
    "files-differ",
    `The columns of ${first.file} and ${part.file} are not the same: ${differences.join(", ")}. ` +
      `${first.file} has ${list(names)}; ${part.file} has ${list(own)}.`,
    {
      hint: "Mend the file, name only files that belong together, or set shape: union, which serves all columns, NULL where a file has none.",
      facts: { file: part.file, other_file: first.file },
    },
  )
}

const shownNames = 20

function list(names: readonly string[]): string {
  const shown = names.slice(0, shownNames).map((name) => JSON.stringify(name))
  return names.length > shownNames
    ? `${shown.join(", ")} and ${names.length - shownNames} more`
    : shown.join(", ")
}

function namesOf({ index }: FilePart): string[] {
  return nameColumns(index.names).map(({ name }) => name)
}

/** In the order in which the files name them first. */
function namesOfAll(parts: readonly FilePart[], isLeftOut: IsLeftOut): readonly string[] {
  const lists = new Map(parts.map(({ index }) => [index.names, index.layout]))
  const [only] = lists.keys()
  if (lists.size === 1 && only !== undefined) return only
  const kept = [...lists].map(([names, layout]) => names.filter((_, i) => !isLeftOut(layout, i)))
  return [...new Set(kept.flat())]
}

/** Whether a row of the file has more than NULL at the place. */
function hasValues({ part }: { readonly part: FilePart }, place: number): boolean {
  const { fields } = part.index.layout
  const field = fields.findIndex(({ index, added }) => added === undefined && index === place)
  return field !== -1 && (evidenceOf(part)[field]?.forms.length ?? 0) > 0
}

/** Of files whose records name the columns, when none of them does. */
function noColumns(parts: readonly FilePart[]): Problem {
  const files = counted(parts.length, "file")
  const bad = parts.find(({ index }) => index.manifest.rejects > 0)
  if (bad === undefined)
    return new Problem(
      "file-empty",
      `None of ${files} holds a record with a key, and nothing else names the columns.`,
      {
        hint: "Write a record with its keys into one of them; null is enough for a value. Until then a version before stays served, and tables keep its rows.",
        facts: { file: parts[0]?.file ?? "" },
      },
    )
  return new Problem("json-invalid", `No record of ${files} can be read, so that no column is known.`, {
    hint: `Name one of them alone, such as ${bad.file}, in the dataset's files: then flatbed-source check says what is wrong with it.`,
    facts: { file: bad.file },
  })
}

/** An array that `explode` names may be missing in some files, not in all that have records. */
function refuseUnexploded(parts: readonly FilePart[]): void {
  const dialects = parts.flatMap(({ index: { layout, manifest } }) =>
    manifest.rows + manifest.filtered === 0 ? [] : [layout.dialect as Partial<JsonDialect>],
  )
  const [first] = dialects
  if (first === undefined || !dialects.every(({ isUnexploded }) => isUnexploded === true)) return
  const places = dialects.flatMap((dialect) => dialect.places ?? [])
  throw noExploded(counted(parts.length, "file"), first.explode, places)
}

/** Each file was read without asking whether it has all that the settings name; one of them has to. */
function refuseUnknown(parts: readonly FilePart[], names: readonly string[], { columns }: Shape): void {
  const [only] = parts
  if (names.length === 0) throw noColumns(parts)
  resolveServedColumns(names, withoutAdded(columns), parts.length === 1 ? { file: only?.file ?? "" } : {})
}
