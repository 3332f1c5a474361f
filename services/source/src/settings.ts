/**
 * What a source is started with: source.yaml's schema, and the rules across settings. Long because every setting
 * stands here beside its sentence.
 */
import {
  bytes,
  duration,
  findNearest,
  inspectSettings,
  path,
  readSettings,
  type Settings,
  type SettingsProblem,
  secret,
  secretsOf,
} from "@flatbed/config"
import { columnTypes, datasetNamePattern } from "@flatbed/contract"
import { logLevels, rememberSecrets } from "@flatbed/edge"
import Type from "@flatbed/typebox"
import { cellColumnSettings, checkCellSettings, filterSchema } from "./cells/cell-settings.ts"
import { standardCache } from "./draft.ts"
import { checkFormat, formatNames, formatOf, formatSettings } from "./formats/formats.ts"
import { addedColumns } from "./served-columns.ts"
import { standardRecordBytes } from "./version-name.ts"

/** Read from the working folder when no other is named. */
export const standardFile = "source.yaml"

const fileName = (description: string) => Type.String({ minLength: 1, description })
const listOfNames = (description: string) => Type.Array(Type.String(), { description })
const portNumber = (standard: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: standard, description })

const columnsSchema = Type.Object({
  select: Type.Optional(listOfNames("serve only these columns, in this order; the file's names")),
  drop: Type.Array(Type.String(), {
    default: [],
    description: "serve all but these columns; the file's names",
  }),
  rename: Type.Record(Type.String(), Type.String({ minLength: 1 }), {
    default: {},
    description: "the file's name → the served name",
  }),
  add: Type.Array(Type.Enum(addedColumns), {
    default: [],
    uniqueItems: true,
    description:
      "columns behind the others that no file has: `_file`, the path of the row's file relative to the dataset's root; `_line`, the line on which its record begins; `rename` knows them too",
  }),
  digests: Type.Record(Type.String(), Type.Array(Type.String(), { minItems: 1 }), {
    default: {},
    description:
      "columns behind these, by a name of your choice: the SHA-256, in hex, of the cells of the served columns in the list; short enough for a key, however long these are",
  }),
  types: Type.Record(Type.String(), Type.Enum(columnTypes), {
    default: {},
    description: "served name → type; a record that breaks it is set aside; else all rows tell the type",
  }),
  ...cellColumnSettings,
})

const chunkSchema = Type.Object({
  rows: Type.Optional(Type.Integer({ minimum: 1, description: "rows in a chunk, instead of bytes" })),
  bytes: Type.Optional(
    bytes({ description: "bytes of the file in a chunk, whole records; 1MiB unless rows are given" }),
  ),
})

// A name in the file's own folder.
const besideFilePattern = "^[^/\\\\]+$"

const datasetSchema = Type.Object({
  root: Type.Optional(
    path({
      description:
        "the folder below which its files lie; left out, the `root` of the file that names the dataset, also where that one is included",
    }),
  ),
  files: Type.Union([fileName("path"), Type.Array(fileName("path"), { minItems: 1 })], {
    shownAs: "text or list of text",
    expected: 'a path, a folder, a pattern such as "sales/*.csv", or a list of these',
    description:
      "what is served, relative to the dataset's root: a file, a folder (all files below it with the format's endings), a pattern (`sales/*.csv.gz`, `logs/**/*.json`), or a list of these",
  }),
  shape: Type.Optional(
    Type.Enum(["same", "union"], {
      description:
        "of several files; same: all have the same columns, else they are refused; union: every column of any is served, NULL where a file has none; left out, union for JSON, whose records name their columns, else same",
    }),
  ),
  done_marker: Type.Optional(
    Type.String({
      pattern: besideFilePattern,
      expected: 'a file\'s name, such as "{name}.done" or "_SUCCESS"',
      description:
        "a file is read only once this one stands beside it and is not older; `{name}` is the file's name; without it, one for the whole folder",
    }),
  ),
  checksum: Type.Optional(
    Type.String({
      pattern: besideFilePattern,
      expected: 'a file\'s name, such as "{name}.sha256" or "SHA256SUMS"',
      description:
        "likewise, and it holds the file's SHA-256, as `sha256sum` writes it; a file that is another one is refused",
    }),
  ),
  format: Type.Optional(
    Type.Enum(formatNames, {
      description: "how the file is built; left out, its ending tells, and csv is what is left",
    }),
  ),
  columns: columnsSchema,
  filter: filterSchema,
  chunk: chunkSchema,
  ...formatSettings,
})

/** What a token may be called: the name stands in logs. */
export const tokenNamePattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"

const tokenSchema = Type.Object({
  name: Type.String({
    pattern: tokenNamePattern,
    expected: "a name of letters, digits, dots, hyphens and underscores",
    description: "who has the token; a second token of the same name lets it be replaced without a gap",
  }),
  // Who pastes the token itself here by mistake must not find it in a message.
  sha256: Type.String({
    pattern: "^[0-9a-fA-F]{64}$",
    setting: "secret",
    expected: "the SHA-256 that `flatbed-source token new` prints, 64 hex digits",
    description: "of the token, never the token itself",
  }),
  datasets: Type.Array(Type.String(), {
    minItems: 1,
    description: "the names of the datasets it may read, or * for all",
  }),
})

const authSchema = Type.Union(
  [Type.Literal("none"), Type.Object({ tokens: Type.Array(tokenSchema, { minItems: 1 }) })],
  {
    default: "none",
    description:
      "who may ask; none: anybody who reaches the port, on loopback only; else bearer tokens, each for the datasets it names (`*`: all)",
  },
)

const tlsSchema = Type.Object({
  certificate: path({
    description:
      "PEM file of the data port's certificate, with its chain; read again when it changes; without tls plain HTTP is spoken",
  }),
  key: path({ description: "PEM file of the certificate's private key" }),
  minimum: Type.Enum(["TLSv1.2", "TLSv1.3"], {
    default: "TLSv1.2",
    description: "the oldest version of TLS that is spoken",
  }),
})

/** The schema of source.yaml; defaults stand beside each setting. */
export const sourceSettingsSchema = Type.Object({
  listen: Type.Object({
    host: Type.String({
      default: "127.0.0.1",
      description: "address of the data port; beyond loopback only with auth",
    }),
    port: portNumber(4000, "the data port; 0 takes a free one"),
  }),
  admin: Type.Object({
    host: Type.String({ default: "127.0.0.1", description: "address of the admin port: health and metrics" }),
    port: portNumber(4001, "the admin port; 0 takes a free one"),
  }),
  root: path({
    default: ".",
    description: "nothing outside this folder is served, nor what begins with a dot",
  }),
  cache: path({
    default: standardCache,
    description:
      "folder for chunk indexes, and for the text of each file that is packed or not UTF-8; may be deleted at any time",
  }),
  auth: authSchema,
  datasets: Type.Record(Type.String({ pattern: datasetNamePattern }), datasetSchema, {
    default: {},
    expectedName: "a name of lower-case letters, digits, - and _, the first a letter or digit, at most 63",
    description: "what is served, by name (lower-case letters, digits, - and _)",
  }),
  tls: Type.Optional(tlsSchema),
  events: Type.Object({
    clients: Type.Integer({
      minimum: 1,
      default: 100,
      description: "who may listen to /v1/events at once; beyond it 503",
    }),
    heartbeat: duration({ default: "15s", description: "a sign of life to whoever listens to /v1/events" }),
  }),
  settle: duration({
    default: "2s",
    description: "a file touched less than this ago is still being written",
  }),
  scan_interval: duration({
    default: "30s",
    description: "how often files are looked at when nobody asks and no change is heard of",
  }),
  keep_versions: duration({
    default: "10m",
    description: "how long a version stays served after its successor, while its bytes are there",
  }),
  buffer_budget: bytes({
    default: "32MiB",
    description: "bytes of chunks being made or sent at once; beyond it requests are put off with 503",
  }),
  hash_key: Type.Optional(
    secret({
      minLength: 16,
      description: "the key of the cleaning step { hash: hmac }; who has it can find values out by trying",
    }),
  ),
  record_limit: bytes({
    default: `${standardRecordBytes / 2 ** 20}MiB`,
    description:
      "the longest record, and how far behind a damaged one the next is looked for; beyond it the file is refused",
  }),
  expand_limit: bytes({
    default: "64GiB",
    description:
      "the longest text of a file that is packed (gzip, zstd) or not UTF-8; beyond it the file is refused",
  }),
  timeouts: Type.Object({
    headers: duration({ default: "10s", description: "for a request's headers to arrive" }),
    request: duration({ default: "30s", description: "for a whole request to arrive" }),
    response: duration({ default: "2m", description: "for an answer to be made and read; then it is cut" }),
    keep_alive: duration({ default: "65s", description: "an idle connection stays open" }),
    stop: duration({
      default: "10s",
      description: "for answers under way when the source stops; then they are cut",
    }),
  }),
  log: Type.Object({
    level: Type.Enum(logLevels, { default: "info", description: "the least that is logged" }),
    file: Type.Optional(path({ description: "append the log, as NDJSON, to this file instead of stderr" })),
  }),
})

export type SourceSettings = Settings<typeof sourceSettingsSchema>
export type AuthSettings = SourceSettings["auth"]
export type TlsSettings = NonNullable<SourceSettings["tls"]>
export type DatasetSettings = SourceSettings["datasets"][string]

type SettingsInput = {
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags?: Readonly<Record<string, unknown>>
}

const wholeInput = (input: SettingsInput) => ({
  ...input,
  schema: sourceSettingsSchema,
  prefix: "FLATBED_SOURCE",
  check: checkSourceSettings,
  // What several folders serve together each of them can serve alone.
  handedDown: { root: "datasets" },
})

/** Reads source.yaml, whose secrets no message shows from then on; raises settings-invalid with every problem at once. */
export async function readSourceSettings(
  input: SettingsInput,
): Promise<{ settings: SourceSettings; file: string }> {
  const read = await readSettings(wholeInput(input))
  rememberSecrets(secretsOf(sourceSettingsSchema, read.settings))
  return read
}

/** The same for showing them; see `inspectSettings`. */
export async function inspectSourceSettings(input: SettingsInput) {
  return await inspectSettings(wholeInput(input))
}

/** The rules that no single setting can break. */
export function checkSourceSettings(settings: SourceSettings): SettingsProblem[] {
  const problems: SettingsProblem[] = checkTokens(settings)
  if (settings.auth === "none" && !isLoopback(settings.listen.host)) {
    problems.push({
      path: "listen.host",
      message: `is "${settings.listen.host}", but with auth: none the source listens on loopback only; expected 127.0.0.1, ::1 or localhost, or auth with tokens`,
    })
  }
  if (!isLoopback(settings.admin.host)) {
    problems.push({
      path: "admin.host",
      message: `is "${settings.admin.host}", but the admin port has no auth; expected 127.0.0.1, ::1 or localhost`,
    })
  }
  for (const [name, dataset] of Object.entries(settings.datasets)) {
    problems.push(...checkDataset(`datasets.${name}`, dataset, settings.hash_key))
  }
  if (settings.events.heartbeat === 0) {
    problems.push({ path: "events.heartbeat", message: "is 0ms, expected at least 1ms" })
  }
  for (const path of ["buffer_budget", "record_limit", "expand_limit"] as const) {
    if (settings[path] === 0) problems.push({ path, message: "is 0, expected at least 1B" })
  }
  return problems
}

function checkTokens({ auth, datasets }: SourceSettings): SettingsProblem[] {
  if (auth === "none") return []
  const known = Object.keys(datasets)
  return auth.tokens.flatMap((token, i) => {
    const path = `auth.tokens.${i + 1}`
    const strangers = token.datasets.filter((name) => name !== "*" && !known.includes(name))
    const same = auth.tokens.findIndex((one) => one.sha256.toLowerCase() === token.sha256.toLowerCase())
    return [
      ...strangers.map((name) => ({
        path: `${path}.datasets`,
        message: `names ${JSON.stringify(name)}, which is no dataset; ${expectDataset(name, known)}`,
      })),
      ...(same < i
        ? [{ path: `${path}.sha256`, message: `is that of token ${same + 1} too; expected each token once` }]
        : []),
    ]
  })
}

function expectDataset(name: string, known: readonly string[]): string {
  const nearest = findNearest(name, known)
  return nearest === undefined
    ? `expected ${["*", ...known].join(", ")}`
    : `did you mean ${JSON.stringify(nearest)}?`
}

function checkDataset(
  path: string,
  dataset: DatasetSettings,
  hashKey: string | undefined,
): SettingsProblem[] {
  const { files, columns, filter, chunk, dialect } = dataset
  const problems: SettingsProblem[] = []
  const add = (setting: string, message: string) => problems.push({ path: `${path}.${setting}`, message })
  const [first = "", ...others] = [files].flat()
  const format = formatOf(first, dataset.format)
  const other = others.find((file) => formatOf(file, dataset.format) !== format)
  if (other !== undefined) {
    const names = `${JSON.stringify(first)} and ${JSON.stringify(other)}`
    add("files", `names ${names}, by their endings of different formats; expected format beside it`)
  }
  if (columns.select !== undefined && columns.drop.length > 0) {
    add(
      "columns.drop",
      "stands beside columns.select, which already says what is served; expected one of them",
    )
  }
  const twice = columns.select?.find((name, i, all) => all.indexOf(name) !== i)
  if (twice !== undefined)
    add("columns.select", `names ${JSON.stringify(twice)} twice, expected each name once`)
  if (chunk.rows !== undefined && chunk.bytes !== undefined) {
    add("chunk", "has rows and bytes, expected one of them")
  }
  if (chunk.bytes === 0) add("chunk.bytes", "is 0, expected at least 1B")
  problems.push(...checkFormat(path, format, dataset))
  problems.push(...checkCellSettings(path, columns, filter, { nullValues: dialect.null_values, hashKey }))
  return problems
}

/** Whether only this machine reaches the host. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.[0-9]{1,3}){3}$/.test(host)
}
