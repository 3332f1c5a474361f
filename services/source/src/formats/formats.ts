/**
 * The file formats: to add one, write its file and name it here, once among the formats and once among the settings.
 * Everything else about a format is asked of this table.
 */
import { completeSettings, type SettingsProblem } from "@flatbed/config"
import type { WrittenDialect } from "@flatbed/contract"
import Type, { type TSchema } from "@flatbed/typebox"
import { csvFormat } from "./csv-format.ts"
import { fixedFormat } from "./fixed.ts"
import type { Dialect, Reader } from "./format.ts"
import { jsonFormat, ndjsonFormat } from "./json-format.ts"

/** What the program must know of a file format. `S` are a dataset's settings that speak to it. */
export type Format<D extends Dialect = Dialect, S extends object = object> = {
  /** How the settings call it. */
  readonly name: string
  /** Endings of files that are of it when the settings name no format; in front of a packing's, as in `.csv.gz`. */
  readonly endings: readonly string[]
  /** The settings of a dataset that speak to it, beside those that speak to every format. */
  readonly settings: Readonly<Record<string, TSchema>>
  /** The rules that no single setting can break; `path` is the dataset's. */
  checkSettings(path: string, settings: S): SettingsProblem[]
  dialectOf(settings: S): D
  /** The reader that the settings name, otherwise the fastest that understands the dialect. */
  chooseReader(dialect: D, settings: S): Reader<D>
  /** What of the dialect a version's name is made of: no default that is written out plays a part. */
  canonicalDialect(dialect: D): unknown
  /** Every setting written out, for documents about a dataset. */
  writeDialect(dialect: D): Readonly<Record<string, unknown>>
  /** In a line for people: what decides most, and whatever is not as usual. */
  describeDialect(dialect: D): string
  /** Set where a file without a byte is one without a record, such as a log that is waiting for its first line. */
  readonly mayBeEmpty?: true
  /** In the words of the manifest, for whoever writes rejects as a file; `fields` name all cells of a record. */
  writtenDialect?(dialect: D, fields: readonly string[]): WrittenDialect
}

/** By the names that the settings know, the standard one first. */
export const formats = {
  csv: csvFormat,
  json: jsonFormat,
  ndjson: ndjsonFormat,
  fixed: fixedFormat,
} as const satisfies Record<string, Format>

/** What the settings of a dataset may say to its format. */
export const formatSettings = {
  ...csvFormat.settings,
  ...jsonFormat.settings,
  ...fixedFormat.settings,
} as const

export type FormatName = keyof typeof formats
export const formatNames = Object.keys(formats) as FormatName[]

const packing = /\.(?:gz|zst)$/i

/** A format by its name. */
export function getFormat(name: FormatName): Format {
  return formats[name]
}

/** The format that the settings name, otherwise the one that the file's ending tells; csv where it tells none. */
export function formatOf(file: string, named?: FormatName): FormatName {
  if (named !== undefined) return named
  return formatByEnding(file) ?? "csv"
}

/** Whether the file's ending is that of a format. */
export function hasEnding(file: string): boolean {
  return formatByEnding(file) !== undefined
}

/** The format that the file's ending tells. */
export function formatByEnding(file: string): FormatName | undefined {
  const bare = file.replace(packing, "").toLowerCase()
  return formatNames.find((name) => formats[name].endings.some((ending) => bare.endsWith(ending)))
}

/** Settings of this dataset that speak to another format than its own, and the format's own rules. */
export function checkFormat(
  path: string,
  name: FormatName,
  settings: Readonly<Record<string, unknown>>,
): SettingsProblem[] {
  const format = getFormat(name)
  const usual: Readonly<Record<string, unknown>> = completeSettings(
    { schema: Type.Object(formatSettings) },
    {},
  )
  const astray = Object.keys(formatSettings).filter(
    (setting) =>
      !(setting in format.settings) && JSON.stringify(settings[setting]) !== JSON.stringify(usual[setting]),
  )
  return [
    ...astray.map((setting) => ({
      path: `${path}.${setting}`,
      message: `says nothing to ${name}, the format of this dataset; expected it with ${formatsWith(setting)}`,
    })),
    ...format.checkSettings(path, settings),
  ]
}

function formatsWith(setting: string): string {
  return formatNames.filter((name) => setting in formats[name].settings).join(" or ")
}
