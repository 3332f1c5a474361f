/**
 * Pure: a pipeline as `loader.yaml` says it, and what a run needs of it. Long because each setting stands with the
 * sentence that the README's table of settings is made of.
 */
import { createHash } from "node:crypto"
import { duration, findNearest, type Settings, type SettingsProblem } from "@flatbed/config"
import { datasetNamePattern, Problem } from "@flatbed/contract"
import Type from "@flatbed/typebox"
import type { Check } from "../checks/check.ts"
import { checkChecks, checksSchema, listChecks } from "../checks/check-settings.ts"
import {
  type ExpectedRows,
  expectedRowsPattern,
  findEmptyRange,
  parseExpectedRows,
} from "../checks/expected-rows.ts"
import {
  type ColumnContract,
  checkContract,
  contractSchema,
  shapingContract,
} from "../columns/contract-settings.ts"
import { loadModeNames, type ModeRules } from "../load-modes/load-mode.ts"
import { parseTable, showTable, type TableName } from "../postgres/identifier.ts"
import { type RejectLimit, sharePattern } from "../rejects/reject-limit.ts"
import { checkIndexes, indexesSchema, listIndexes, type WantedIndex } from "./index-settings.ts"

/** `deletes` when nobody wrote it: what other modes than `mirror` must leave it at. */
const usualDeletes = { mode: "hard", limit: { rows: 10_000, share: "20%" }, after_rejects: "refuse" } as const

const deletesSchema = Type.Object({
  mode: Type.Enum(["hard", "soft"], {
    default: usualDeletes.mode,
    description: "how `mirror` deletes: `soft` sets the column `_deleted_at` instead, until the row returns",
  }),
  limit: Type.Object({
    rows: Type.Integer({
      minimum: 0,
      default: usualDeletes.limit.rows,
      description: "a version that would delete more rows is refused",
    }),
    share: Type.String({
      pattern: sharePattern,
      default: usualDeletes.limit.share,
      expected: "a share such as 20%",
      description: "likewise for more than this share of the table's rows",
    }),
  }),
  after_rejects: Type.Enum(["refuse", "allow"], {
    default: usualDeletes.after_rejects,
    description: "whether a version may delete although records of it were set aside",
  }),
})

/** One pipeline in `loader.yaml`. */
export const pipelineSchema = Type.Object({
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
      "what a new version does to the rows before: `replace` puts it in their place; `append` adds what its files did not hold before; `upsert` inserts and updates by `key`; `mirror` also deletes what it does not have",
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
  lineage: Type.Boolean({
    default: false,
    description:
      "whether each row says whence it is, in the columns `_flatbed_file`, `_flatbed_row`, `_flatbed_version` and `_loaded_at`",
  }),
  deletes: deletesSchema,
  publish: Type.Enum(["rows", "swap"], {
    default: "rows",
    description:
      "how `replace` without a key publishes: `rows` deletes and inserts in one transaction; `swap` lets the new rows' table take the place of the old one",
  }),
  indexes: indexesSchema,
  checks: checksSchema,
  expect_rows: Type.Optional(
    Type.String({
      pattern: expectedRowsPattern,
      setting: "word",
      expected: 'a number of rows such as ">0", ">=1000", 3333 or 1000..2000',
      description:
        "how many rows a version is to have: `>0`, `>=1000`, `3333`, `1000..2000`; one with more or fewer is not loaded",
    }),
  ),
  contract: contractSchema,
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
      "on a first load and with `publish: swap`, wait for readers of older snapshots or of the table; then rows are copied instead of renaming staging",
  }),
  fresh_within: Type.Optional(
    duration({
      description:
        "how long the table may go without being known to show the newest version; then `status` and the metrics call it overdue",
    }),
  ),
  follow: Type.Boolean({
    default: false,
    description: "`start` also runs the pipeline as soon as the source announces a new version",
  }),
})

export type PipelineSettings = Settings<typeof pipelineSchema>

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
  readonly indexes: readonly WantedIndex[]
  readonly checks: readonly Check[]
  readonly expectRows: ExpectedRows | undefined
  readonly contract: ColumnContract
  readonly swapWaitMs: number
  readonly freshWithinMs: number | undefined
  /** SHA-256 of what shapes the table: dataset, table, mode, checks. Another one means: load again. */
  readonly settingsSha256: string
}

/** The pipelines in the order of the file. Trusts that the settings were checked. */
export function listPipelines(settings: {
  readonly pipelines: Readonly<Record<string, PipelineSettings>>
}): Pipeline[] {
  return Object.entries(settings.pipelines).map(([name, pipeline]) => {
    const { dataset, table: written, mode, schedule, follow, contract } = pipeline
    const table = parseTable(written) ?? { schema: "public", name: written }
    const target = showTable(table)
    const rules = modeRulesOf(pipeline)
    const checks = pipeline.checks.length === 0 ? {} : { checks: pipeline.checks }
    const settingsSha256 = createHash("sha256")
      .update(
        JSON.stringify({
          ...{ dataset, target, mode },
          ...{ ...shapingRules(rules), ...checks, ...shapingContract(contract) },
        }),
      )
      .digest("hex")
    return {
      ...{ name, dataset, table, target, mode, schedule, follow, rules, contract, settingsSha256 },
      indexes: listIndexes(table.name, pipeline.indexes),
      checks: listChecks(pipeline.checks),
      expectRows: pipeline.expect_rows === undefined ? undefined : parseExpectedRows(pipeline.expect_rows),
      maxRejects: pipeline.max_rejects,
      swapWaitMs: pipeline.swap_wait,
      freshWithinMs: pipeline.fresh_within,
    }
  })
}

function modeRulesOf({
  mode,
  key = [],
  order_by,
  dedupe,
  lineage,
  deletes,
  publish,
  checks,
}: PipelineSettings): ModeRules {
  return {
    key,
    orderBy: order_by,
    dedupe,
    swap: publish === "swap",
    lineage,
    numbered: checks.length > 0,
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
function shapingRules({
  key,
  orderBy,
  dedupe,
  lineage,
  deletes: { soft },
}: ModeRules): Record<string, unknown> {
  return {
    ...(key.length === 0 ? {} : { key }),
    ...(orderBy === undefined ? {} : { orderBy }),
    ...(dedupe === "none" ? {} : { dedupe }),
    ...(lineage ? { lineage } : {}),
    ...(soft ? { soft } : {}),
  }
}

/** Settings that a mode needs, and those that would do nothing with it. */
export function checkModeRules(at: string, pipeline: PipelineSettings): SettingsProblem[] {
  const { mode, key, order_by, dedupe, deletes, publish } = pipeline
  const problems: SettingsProblem[] = []
  const add = (setting: string, message: string) => problems.push({ path: `${at}.${setting}`, message })
  const isKeyed = mode === "upsert" || mode === "mirror"
  if (isKeyed && key === undefined) add("key", `is missing; mode ${mode} needs it, as in  key: [id]`)
  const twice = key?.find((name, i) => key.indexOf(name) !== i)
  if (twice !== undefined) add("key", `names ${JSON.stringify(twice)} twice, expected each column once`)
  if (!isKeyed && order_by !== undefined) {
    add("order_by", `says nothing to mode ${mode}; expected it with upsert or mirror`)
  }
  if (mode === "append" && key !== undefined)
    add(
      "key",
      "says nothing to mode append, which looks at no row that is there; expected it with upsert or mirror",
    )
  if (mode === "append" && dedupe === "key")
    add("dedupe", "is key, which says nothing to mode append; expected none or exact")
  else if (key === undefined && dedupe === "key")
    add("dedupe", "is key, but no key is named; name it, as in  key: [id]")
  if (mode !== "mirror" && JSON.stringify(deletes) !== JSON.stringify(usualDeletes)) {
    add("deletes", `says nothing to mode ${mode}; expected it with mirror`)
  }
  if (publish === "swap" && mode !== "replace") {
    add("publish", `is swap, which says nothing to mode ${mode}; expected it with replace`)
  } else if (publish === "swap" && key !== undefined) {
    add(
      "publish",
      "is swap, which writes every row, and a key asks for the difference; leave out one of them",
    )
  } else if (publish === "swap" && dedupe === "exact") {
    add("publish", "is swap, which takes the rows as they came, and dedupe: exact drops some; leave out one")
  }
  problems.push(...checkContract(at, pipeline.contract))
  const table = parseTable(pipeline.table) ?? { schema: "public", name: pipeline.table }
  problems.push(...checkIndexes(at, table.name, pipeline.indexes), ...checkChecks(at, table, pipeline.checks))
  const empty = pipeline.expect_rows === undefined ? undefined : findEmptyRange(pipeline.expect_rows)
  if (empty !== undefined) add("expect_rows", empty)
  return problems
}

/** The pipeline for a load in which this version may delete any number of rows. */
export function allowDeletes(pipeline: Pipeline, version: string | undefined): Pipeline {
  if (version === undefined) return pipeline
  const { rules } = pipeline
  return { ...pipeline, rules: { ...rules, deletes: { ...rules.deletes, allowedFor: version } } }
}

/** The pipelines of these names, in their order; without names all. Raises usage-invalid with the nearest name. */
export function selectPipelines(
  pipelines: readonly Pipeline[],
  names: readonly string[],
): readonly Pipeline[] {
  if (names.length === 0) return pipelines
  const known = pipelines.map(({ name }) => name)
  return names.map((name) => {
    const found = pipelines.find((pipeline) => pipeline.name === name)
    if (found !== undefined) return found
    const near = findNearest(name, known)
    throw new Problem("usage-invalid", `There is no pipeline ${name}; loader.yaml has ${known.join(", ")}.`, {
      hint: near === undefined ? "Name one of these, or none for all." : `Did you mean ${near}?`,
    })
  })
}
