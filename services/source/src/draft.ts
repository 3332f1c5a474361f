/** Pure: a source.yaml for files that lie somewhere, with comments for the person who goes on from there. */
import { basename, dirname, join, relative, sep } from "node:path"
import type { Column } from "@flatbed/contract"
import { counted } from "./counted.ts"
import type { DraftColumns, DraftDialect } from "./discover/proposal.ts"
import { yamlFlow, yamlText } from "./flow-yaml.ts"

export type DraftFile = {
  /** Absolute. */
  readonly path: string
  /** As found over all rows; written as comments. */
  readonly columns?: readonly Pick<Column, "name" | "type">[]
  readonly rows?: number
  /** How many records would be set aside, and why the first; a comment too. */
  readonly rejects?: { readonly count: number; readonly first: string }
  /** Why it cannot be served as it is; then the whole dataset is a comment. */
  readonly trouble?: string
  /** What discovery proposes; nothing where everything is as by default. */
  readonly dialect?: DraftDialect
  /** Its format, where the ending does not tell it, and what speaks to that format, by their names. */
  readonly settings?: Readonly<Record<string, string>>
  readonly columnSettings?: DraftColumns
  /** Why, a sentence for each, of `dialect.delimiter` or `columns.price`; written as comments. */
  readonly because?: readonly { readonly about: string; readonly because: string }[]
  /** What no setting mends, or a person has to decide; comments too. */
  readonly notes?: readonly string[]
}

export type Draft = {
  /** Text of the settings file. */
  readonly yaml: string
  /** In the order of the files, those in comments included; `file` is relative to the root. */
  readonly datasets: readonly { readonly name: string; readonly file: string }[]
}

type DraftPlace = {
  /** Absolute: the folder in which the settings file will lie. */
  readonly folder: string
  /** Absolute: the folder below which all files lie; their nearest common one unless told. */
  readonly root?: string
  /** Written with absolute paths, so that a copy of it works from any folder. */
  readonly absolute?: boolean
  /** What makes a token, as a person may type it. */
  readonly tokenCommand?: string
}

const longestName = 63

/** Where chunk indexes are kept unless told, relative to the settings file. */
export const standardCache = ".flatbed/source"

/** One dataset per file, named after it; nothing is selected, dropped or renamed. */
export function draftSourceYaml(files: readonly DraftFile[], place: DraftPlace): Draft {
  const { folder, root, absolute = false, tokenCommand = "flatbed-source token new" } = place
  const top = root ?? commonFolder(files.map(({ path }) => path))
  const names = nameDatasets(files.map(({ path }) => path))
  const datasets = files.map(({ path }, i) => ({
    name: names[i] ?? "",
    file: relative(top, path).split(sep).join("/"),
  }))
  const entries = files.flatMap((file, i) => {
    const { name = "", file: below = "" } = datasets[i] ?? {}
    return draftDataset(name, below, file)
  })
  const lines = [
    "# What the source serves, and where. This file is for the server that has the files; it is yours to change.",
    `# Paths are ${absolute ? "absolute, so that a copy of it works from any folder" : "relative to this file"}. After a change, start the source again.`,
    "",
    "listen: # where curl and the loader find the data",
    `  host: 127.0.0.1 # this machine only; beyond it, auth must name a token: ${tokenCommand}`,
    "  port: 4000",
    "",
    `root: ${yamlText(absolute ? top : relative(folder, top).split(sep).join("/") || ".")} # only files below this folder can be served`,
    ...(absolute ? [`cache: ${yamlText(join(folder, standardCache))} # chunk indexes; may be deleted`] : []),
    "",
    ...(entries.length === 0 ? ["datasets: {}"] : ["datasets:", ...entries]),
  ]
  return { yaml: `${lines.join("\n")}\n`, datasets }
}

/**
 * Dataset names for files: lower case, letters, digits and underscores, no two the same.
 * `My File (2).csv` is `my_file_2`.
 */
export function nameDatasets(paths: readonly string[]): string[] {
  const taken = new Set<string>()
  return paths.map((path) => {
    const wanted = nameOf(path)
    let name = wanted
    for (let n = 2; taken.has(name); n++) name = `${wanted.slice(0, longestName - 1 - String(n).length)}_${n}`
    taken.add(name)
    return name
  })
}

/** The nearest folder that all of the paths lie below; the paths are absolute. */
export function commonFolder(paths: readonly string[]): string {
  const [first = sep, ...others] = paths.map(dirname)
  return others.reduce((common, folder) => {
    let above = common
    while (!isWithin(folder, above)) above = dirname(above)
    return above
  }, first)
}

function isWithin(folder: string, above: string): boolean {
  const path = relative(above, folder)
  return path === "" || (path !== ".." && !path.startsWith(`..${sep}`))
}

function nameOf(path: string): string {
  // NFKD parts a letter from its accent, so that `Übersicht` becomes `ubersicht`.
  const plain = basename(path)
    .replace(/\.(?:gz|zst)$/i, "")
    .replace(/\.[^.]*$/, "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .slice(0, longestName)
    .replace(/^_+|_+$/g, "")
  return plain === "" ? "dataset" : plain
}

/** One dataset's lines, below `datasets:`; `file` is relative to the root. */
export function draftDataset(name: string, file: string, draft: DraftFile): string[] {
  const {
    columns,
    rows,
    rejects,
    trouble,
    dialect = {},
    settings = {},
    columnSettings = {},
    notes = [],
  } = draft
  const lines = [
    `  ${yamlText(name)}: # /v1/datasets/${name}`,
    `    files: ${yamlText(file)}`,
    ...Object.entries(settings).flatMap(([setting, value]) => [
      ...commentsAbout(setting, setting, draft),
      `    ${setting}: ${yamlText(value)}`,
    ]),
    ...commentsOn("dialect", Object.keys(dialect), draft),
    ...(Object.keys(dialect).length === 0 ? [] : [`    dialect: ${yamlFlow(dialect)}`]),
    ...draftColumnSettings(columnSettings, draft),
    ...notes.map((note) => `    # ${oneLine(note)}`),
    ...(rejects === undefined ? [] : [`    # ${oneLine(sayRejects(rejects))}`]),
    ...(columns === undefined ? [] : describeColumns(columns, rows, Object.keys(columnSettings).length > 0)),
  ]
  if (trouble === undefined) return lines
  return [
    `  # ${yamlText(file)} cannot be served as it is: ${oneLine(trouble)}`,
    "  # When it is mended, take the # away from these lines:",
    ...lines.map((line) => line.replace(/^ {2}/, "  # ")),
  ]
}

function draftColumnSettings(settings: DraftColumns, draft: DraftFile): string[] {
  const entries = Object.entries(settings)
  if (entries.length === 0) return []
  const names = [...new Set(entries.flatMap(([, byName]) => Object.keys(byName)))]
  return [
    ...commentsOn("columns", names, draft),
    "    columns:",
    ...entries.map(([key, byName]) => `      ${key}: ${yamlFlow(byName)}`),
  ]
}

function commentsOn(part: string, names: readonly string[], { because = [] }: DraftFile): string[] {
  return names.flatMap((name) => commentsAbout(`${part}.${name}`, name, { because }))
}

function commentsAbout(
  setting: string,
  name: string,
  { because = [] }: Pick<DraftFile, "because">,
): string[] {
  const why = because.find(({ about }) => about === setting)
  return why === undefined ? [] : [`    # ${oneLine(`${name}: ${why.because}`)}`]
}

/** `2 records will be set aside; the first: …` */
export function sayRejects({ count, first }: NonNullable<DraftFile["rejects"]>): string {
  return `${counted(count, "record")} will be set aside; the first: ${first}`
}

function describeColumns(
  columns: NonNullable<DraftFile["columns"]>,
  rows: number | undefined,
  hasSettings: boolean,
): string[] {
  const found = rows === undefined ? "found" : `found over all rows (${rows})`
  return [
    `    # Columns, with the types ${found}. To change them:`,
    hasSettings
      ? "    # add to columns above: drop: [name], rename: { name: other }; and to its types: name: text"
      : "    # columns: { drop: [name], rename: { name: other }, types: { name: text } }",
    ...columns.map(({ name, type }) => `    #   ${yamlText(name)}: ${type}`),
  ]
}

function oneLine(sentence: string): string {
  return sentence.replace(/\s+/g, " ").trim()
}
