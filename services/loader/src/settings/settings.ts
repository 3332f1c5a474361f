/** The loader's settings: `loader.yaml`. README's table and the published JSON Schema are made from this. */
import {
  bytes,
  duration,
  formatBytes,
  path,
  type Settings,
  type SettingsProblem,
  secret,
} from "@flatbed/config"
import { requestLimits } from "@flatbed/contract"
import { logLevels } from "@flatbed/edge"
import Type from "@flatbed/typebox"
import { checkSource } from "../fetch/check-source.ts"
import { compressionNames } from "../fetch/compression.ts"
import { checkModels, modelsSchema } from "../models/model-settings.ts"
import { findSchemaError, parseTable } from "../postgres/identifier.ts"
import { findCronError } from "../schedule/due-ticks.ts"
import { checkModeRules, listPipelines, type PipelineSettings, pipelineSchema } from "./pipeline-settings.ts"
import { checkReports, reportNamePattern, reportSchema } from "./report-settings.ts"

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
          "how answers travel: `none`, `gzip`, or `zstd` (Node 22.15 or later; gzip if the source has none); left out, `none` on one machine; to another `zstd` where both sides have it, else `gzip`",
      }),
    ),
  }),
  database: Type.Object({
    url: secret({ description: "`postgres://user:password@host:port/database`" }),
    schema: Type.String({
      default: "flatbed",
      description:
        "the Postgres schema of the ledger and of staging, made if absent; all loaders of a table name the same one",
    }),
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
    default: "2MiB",
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
  migrations: Type.Optional(
    path({
      description:
        "a folder with numbered SQL files of your own (`0001_create_shops.sql`), each run once, before anything is loaded",
    }),
  ),
  pipelines: Type.Record(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$" }), pipelineSchema, {
    expectedName: "a name of letters, digits, _ and -, the first a letter or digit, at most 41",
    description: "dataset to table, by a name of your choice",
  }),
  models: modelsSchema,
  reports: Type.Record(Type.String({ pattern: reportNamePattern }), reportSchema, {
    default: {},
    expectedName: "a name of letters, digits, _ and -, the first a letter or digit, at most 41",
    description: "questions to the database, by a name of your choice",
  }),
})

export type LoaderSettings = Settings<typeof settingsSchema>

/** What no single setting can know: two pipelines for one table, tables and schedules that cannot be read. */
export function checkSettings(settings: LoaderSettings): SettingsProblem[] {
  const problems = [...checkSource(settings.source), ...checkDatabase(settings.database)]
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
  problems.push(
    ...checkReports(settings.reports, [...Object.keys(settings.pipelines), ...Object.keys(settings.models)]),
  )
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
    if (parseTable(written)?.schema === settings.database.schema) {
      problems.push({
        path: `${at}.table`,
        message: `is "${written}"; the schema ${settings.database.schema} is the ledger's own, choose another`,
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
  return [...problems, ...checkModels(settings)]
}

// The value holds a password, so no message shows it.
function checkDatabase({ url, schema }: LoaderSettings["database"]): SettingsProblem[] {
  const wrong = findSchemaError(schema)
  const problems = wrong === undefined ? [] : [{ path: "database.schema", message: wrong }]
  const expected = "expected postgres://user:password@host:port/database"
  if (url.trim() === "") {
    const message = `is empty: if it comes from an environment variable, that one is set, but to nothing; ${expected}`
    return [...problems, { path: "database.url", message }]
  }
  if (/^postgres(?:ql)?:\/\/./.test(url) && URL.canParse(url)) return problems
  return [...problems, { path: "database.url", message: `is no address of a Postgres database; ${expected}` }]
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
