/** The loader's settings: `loader.yaml`. README's table and the published JSON Schema are made from this. */
import { createHash } from "node:crypto"
import {
  bytes,
  duration,
  formatBytes,
  path,
  type Settings,
  type SettingsProblem,
  secret,
} from "@flatbed/config"
import { datasetNamePattern, requestLimits } from "@flatbed/contract"
import { logLevels } from "@flatbed/edge"
import Type from "@flatbed/typebox"
import { checkSource } from "./check-source.ts"
import { compressionNames } from "./compression.ts"
import { findCronError } from "./due-ticks.ts"
import { loadModeNames, type ModeRules } from "./load-modes/load-mode.ts"
import { parseTable, showTable, type TableName } from "./postgres/identifier.ts"
import { type RejectLimit, sharePattern } from "./reject-limit.ts"

const deletesSchema = Type.Object({
  mode: Type.Enum(["hard", "soft"], {
    default: "hard",
    description: "how `mirror` deletes: `soft` sets the column `_deleted_at` instead, until the row returns",
  }),
  limit: Type.Object({
    rows: Type.Integer({
      minimum: 0,
      default: 10_000,
      description: "a version that would delete more rows is refused",
    }),
    share: Type.String({
      pattern: sharePattern,
      default: "20%",
      expected: "a share such as 20%",
      description: "likewise for more than this share of the table's rows",
    }),
  }),
  after_rejects: Type.Enum(["refuse", "allow"], {
    default: "refuse",
    description: "whether a version may delete although records of it were set aside",
  }),
})

const pipelineSchema = Type.Object({
  dataset: Type.String({
    pattern: datasetNamePattern,
    expected: "a dataset's name as the source lists it: small letters, digits, _ and -, at most 63",
    description: "the dataset's name at the source",
  }),
  table: Type.String({
    minLength: 1,
    description: "the table, `schema.table` or `table` in schema public; made if absent",
  }),
  mode: Type.Enum([...loadModeNames], {
    default: "replace",
    description:
      "what a new version does to the rows before: `replace` puts it in their place; `upsert` inserts and updates by `key`; `mirror` also deletes what it does not have",
  }),
  key: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description:
        "the columns that tell a row; `upsert` and `mirror` need it, and with it `replace` applies the difference; a row with NULL there is set aside",
    }),
  ),
  order_by: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        "of rows with one key, in a version and in the table, the one with the greatest value here wins",
    }),
  ),
  dedupe: Type.Enum(["none", "exact", "key"], {
    default: "none",
    description:
      "`exact` drops rows of a version that are the same in every column; `key` keeps the last row of each key; both count them",
  }),
  deletes: deletesSchema,
  schedule: Type.Optional(
    Type.String({
      description:
        "cron expression, five fields or six with seconds first, in `timezone`; without it and `follow` only `load` runs the pipeline",
    }),
  ),
  max_rejects: Type.Union([Type.Integer({ minimum: 0 }), Type.String({ pattern: sharePattern })], {
    default: 0,
    expected: "a number such as 100, or a share such as 1%",
    description:
      "records of a version that may be set aside: a number, or a share such as `1%`, rounded down; beyond it nothing is loaded",
  }),
  swap_wait: duration({
    default: "5s",
    description:
      "on a first load, wait for readers whose snapshot is older than the rows; then rows are copied instead of renaming staging",
  }),
  follow: Type.Boolean({
    default: false,
    description: "`start` also runs the pipeline as soon as the source announces a new version",
  }),
})

export const settingsSchema = Type.Object({
  source: Type.Object({
    url: Type.String({
      pattern: "^https?://[^\\s]+$",
      expected: "http://host:port or https://host:port, without a path",
      description: "the source's address, `https://host:port` or `http://host:port`",
    }),
    token: Type.Optional(
      secret({ description: "the bearer token; with https it is sent only after the certificate has held" }),
    ),
    ca: Type.Optional(
      path({
        description: "PEM file with the authorities to trust instead of the public ones; https only",
      }),
    ),
    allow_plain_http: Type.Boolean({
      default: false,
      description: "send the token over plain http beyond this machine: readable on every network in between",
    }),
    max_body: bytes({ default: "64MiB", description: "largest answer that is read, packed and unpacked" }),
    compression: Type.Optional(
      Type.Enum([...compressionNames], {
        description:
          "how answers travel: `none`, `gzip`, or `zstd` (Node 22.15 or later; gzip if the source has none); left out, `gzip` to another machine, `none` on this one",
      }),
    ),
  }),
  database: Type.Object({
    url: secret({ description: "`postgres://user:password@host:port/database`" }),
  }),
  admin: Type.Object({
    host: Type.String({
      default: "127.0.0.1",
      description: "where `start` serves /livez, /readyz and /metrics",
    }),
    port: Type.Integer({ minimum: 0, maximum: 65535, default: 4101, description: "0 takes any free port" }),
  }),
  connections: Type.Integer({
    minimum: 1,
    maximum: 64,
    default: 3,
    description: "chunks, or groups of small ones, that are COPYed at once, per run",
  }),
  read_ahead: Type.Integer({
    minimum: 0,
    maximum: 64,
    default: 5,
    description:
      "chunks, or groups, that are fetched beyond those being COPYed; a line with long delays needs more",
  }),
  group: bytes({
    default: "1MiB",
    description:
      "small chunks that follow each other are fetched and committed together, up to so many bytes of the file, at most 4MiB; `0B`: each by itself",
  }),
  timezone: Type.String({ default: "UTC", description: "time zone of the schedules, such as Europe/Berlin" }),
  deadlines: Type.Object({
    connect: duration({ default: "4s", description: "to reach the source or Postgres" }),
    idle: duration({ default: "15s", description: "longest silence of the source within a request" }),
    request: duration({ default: "60s", description: "one request to the source from beginning to end" }),
    indexing: duration({ default: "60s", description: "wait for a version that makes no progress" }),
    lock: duration({ default: "10s", description: "wait for a lock in Postgres" }),
    statement: duration({ default: "30m", description: "one statement in Postgres" }),
    stop: duration({ default: "10s", description: "what a stop leaves to the chunks being COPYed" }),
  }),
  retries: Type.Object({
    attempts: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 6,
      description: "tries of one request or transaction",
    }),
    cap: duration({ default: "5s", description: "longest pause between two tries" }),
  }),
  lease: Type.Object({
    expires: duration({ default: "30s", description: "how long a run that fell silent keeps its pipeline" }),
    takeover: duration({ default: "10s", description: "wait for the sessions of a run that is taken over" }),
  }),
  log: Type.Object({
    level: Type.Enum([...logLevels], {
      default: "info",
      description: "the least important events that are written",
    }),
    file: Type.Optional(path({ description: "write the log as NDJSON into this file instead of stderr" })),
  }),
  pipelines: Type.Record(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$" }), pipelineSchema, {
    expectedName: "a name of letters, digits, _ and -, the first a letter or digit, at most 41",
    description: "dataset to table, by a name of your choice",
  }),
})

export type LoaderSettings = Settings<typeof settingsSchema>

type PipelineSettings = LoaderSettings["pipelines"][string]

export type Pipeline = {
  readonly name: string
  readonly dataset: string
  readonly table: TableName
  /** The table as the ledger and messages write it. */
  readonly target: string
  readonly mode: (typeof loadModeNames)[number]
  readonly schedule: string | undefined
  readonly follow: boolean
  readonly maxRejects: RejectLimit
  readonly rules: ModeRules
  readonly swapWaitMs: number
  /** SHA-256 of what shapes the table: dataset, table, mode. Another one means: load again. */
  readonly settingsSha256: string
}

/** The pipelines in the order of the file. Trusts that the settings were checked. */
export function listPipelines(settings: Pick<LoaderSettings, "pipelines">): Pipeline[] {
  return Object.entries(settings.pipelines).map(([name, pipeline]) => {
    const { dataset, table: written, mode, schedule, follow } = pipeline
    const table = parseTable(written) ?? { schema: "public", name: written }
    const target = showTable(table)
    const rules = modeRulesOf(pipeline)
    const settingsSha256 = createHash("sha256")
      .update(JSON.stringify({ dataset, target, mode, ...shapingRules(rules) }))
      .digest("hex")
    return {
      ...{ name, dataset, table, target, mode, schedule, follow, rules, settingsSha256 },
      maxRejects: pipeline.max_rejects,
      swapWaitMs: pipeline.swap_wait,
    }
  })
}

function modeRulesOf({ mode, key = [], order_by, dedupe, deletes }: PipelineSettings): ModeRules {
  return {
    key,
    orderBy: order_by,
    dedupe,
    deletes: {
      soft: mode === "mirror" && deletes.mode === "soft",
      maxRows: deletes.limit.rows,
      maxShare: deletes.limit.share,
      afterRejects: deletes.after_rejects === "allow",
      allowedFor: undefined,
    },
  }
}

// What is as usual is left out, so that tables of pipelines without such settings are not loaded again.
function shapingRules({ key, orderBy, dedupe, deletes: { soft } }: ModeRules): Record<string, unknown> {
  return {
    ...(key.length === 0 ? {} : { key }),
    ...(orderBy === undefined ? {} : { orderBy }),
    ...(dedupe === "none" ? {} : { dedupe }),
    ...(soft ? { soft } : {}),
  }
}

/** What no single setting can know: two pipelines for one table, tables and schedules that cannot be read. */
export function checkSettings(settings: LoaderSettings): SettingsProblem[] {
  const problems = [...checkSource(settings.source), ...checkDatabase(settings.database.url)]
  if (settings.group > requestLimits.bytes) {
    problems.push({
      path: "group",
      message: `is ${formatBytes(settings.group)}; a source answers at most ${formatBytes(requestLimits.bytes)} of chunks at once`,
    })
  }
  if (!isTimezone(settings.timezone)) {
    problems.push({
      path: "timezone",
      message: `is "${settings.timezone}"; expected a zone such as UTC or Europe/Berlin`,
    })
  }
  const owners = new Map<string, string>()
  for (const { name, target, schedule } of listPipelines(settings)) {
    const at = `pipelines.${name}`
    const written = settings.pipelines[name]?.table ?? ""
    if (parseTable(written) === undefined) {
      problems.push({
        path: `${at}.table`,
        message: `is "${written}"; expected table or schema.table, each at most 63 bytes`,
      })
    }
    if (parseTable(written)?.schema === "flatbed") {
      problems.push({
        path: `${at}.table`,
        message: `is "${written}"; the schema flatbed is the ledger's own, choose another`,
      })
    }
    const owner = owners.get(target)
    if (owner === undefined) owners.set(target, name)
    else
      problems.push({
        path: `${at}.table`,
        message: `is "${written}", which pipeline ${owner} loads already; expected one pipeline per table`,
      })
    problems.push(...checkModeRules(at, settings.pipelines[name] as PipelineSettings))
    const wrong = schedule === undefined ? undefined : findCronError(schedule)
    if (wrong !== undefined) {
      problems.push({
        path: `${at}.schedule`,
        message: `is "${schedule}": ${wrong}; expected a cron expression such as */15 * * * *`,
      })
    }
  }
  return problems
}

/** Settings that a mode needs, and those that would do nothing with it. */
function checkModeRules(at: string, pipeline: PipelineSettings): SettingsProblem[] {
  const { mode, key, order_by, dedupe, deletes } = pipeline
  const problems: SettingsProblem[] = []
  const add = (setting: string, message: string) => problems.push({ path: `${at}.${setting}`, message })
  const isKeyed = mode === "upsert" || mode === "mirror"
  if (isKeyed && key === undefined) add("key", `is missing; mode ${mode} needs it, as in  key: [id]`)
  const twice = key?.find((name, i) => key.indexOf(name) !== i)
  if (twice !== undefined) add("key", `names ${JSON.stringify(twice)} twice, expected each column once`)
  if (!isKeyed && order_by !== undefined) {
    add("order_by", `says nothing to mode ${mode}; expected it with upsert or mirror`)
  }
  if (key === undefined && dedupe === "key")
    add("dedupe", "is key, but no key is named; name it, as in  key: [id]")
  const usual = { mode: "hard", limit: { rows: 10_000, share: "20%" }, after_rejects: "refuse" }
  if (mode !== "mirror" && JSON.stringify(deletes) !== JSON.stringify(usual)) {
    add("deletes", `says nothing to mode ${mode}; expected it with mirror`)
  }
  return problems
}

// The value holds a password, so no message shows it.
function checkDatabase(url: string): SettingsProblem[] {
  const expected = "expected postgres://user:password@host:port/database"
  if (url.trim() === "") {
    const message = `is empty: if it comes from an environment variable, that one is set, but to nothing; ${expected}`
    return [{ path: "database.url", message }]
  }
  if (/^postgres(?:ql)?:\/\/./.test(url) && URL.canParse(url)) return []
  return [{ path: "database.url", message: `is no address of a Postgres database; ${expected}` }]
}

function isTimezone(zone: string): boolean {
  // The usual one needs no locale data, which costs every start some ten milliseconds to read.
  if (zone === "UTC") return true
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone })
    return true
  } catch {
    return false
  }
}
