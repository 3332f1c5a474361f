/** Pure: how many rows a version is to have, as `expect_rows` says it. */
import { Problem } from "@flatbed/contract"
import type { Pipeline } from "../settings/pipeline-settings.ts"
import { counted } from "../summary.ts"

/** `>0`, `>=1000`, `<10`, `<=10`, `=3333` or `3333`, `1000..2000`. */
export const expectedRowsPattern = "^(?:(?:>=|<=|>|<|=)? ?[0-9]{1,15}|[0-9]{1,15}\\.\\.[0-9]{1,15})$"

export type ExpectedRows = {
  /** As the settings say it. */
  readonly written: string
  /** Both belong to it. */
  readonly min: number
  readonly max: number
}

/** What is written, as bounds. Trusts that it matches the pattern. */
export function parseExpectedRows(written: string): ExpectedRows {
  const [, min = "", max = ""] = /^([0-9]+)\.\.([0-9]+)$/.exec(written) ?? []
  if (min !== "") return { written, min: Number(min), max: Number(max) }
  const [, sign = "", digits = ""] = /^(\D*)([0-9]+)$/.exec(written) ?? []
  const number = Number(digits)
  const most = Number.POSITIVE_INFINITY
  switch (sign.trim()) {
    case ">":
      return { written, min: number + 1, max: most }
    case ">=":
      return { written, min: number, max: most }
    case "<":
      return { written, min: 0, max: number - 1 }
    case "<=":
      return { written, min: 0, max: number }
    default:
      return { written, min: number, max: number }
  }
}

/**
 * Raises rows-unexpected when the version, or what is left of it after `rejects` records were set aside, does not have
 * as many rows as the pipeline expects. `rows` are those that the table is to show of it.
 */
export function refuseRowCount(
  { name, target, expectRows }: Pick<Pipeline, "name" | "target" | "expectRows">,
  { rows, rejects }: { readonly rows: number; readonly rejects: number },
): void {
  if (expectRows === undefined || (rows >= expectRows.min && rows <= expectRows.max)) return
  const left =
    rejects === 0
      ? ""
      : ` without the ${counted(rejects, "record")} that ${rejects === 1 ? "is" : "are"} set aside`
  throw new Problem(
    "rows-unexpected",
    `The version has ${counted(rows, "row")}${left}, and expect_rows says ${expectRows.written}.`,
    {
      hint: `Nothing was loaded into ${target}, and nothing deleted. Check that the file is whole; or change expect_rows of pipelines.${name}.`,
      facts: { table: target, rows, expected: expectRows.written, ...(rejects === 0 ? {} : { rejects }) },
    },
  )
}

/** What no version can have; undefined when some can. */
export function findEmptyRange(written: string): string | undefined {
  const { min, max } = parseExpectedRows(written)
  return min <= max ? undefined : `is ${written}, which no number of rows is`
}
