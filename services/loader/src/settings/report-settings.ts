/** Pure: reports as `loader.yaml` says them. */
import { findNearest, path, type Settings, type SettingsProblem } from "@flatbed/config"
import { Problem } from "@flatbed/contract"
import Type from "@flatbed/typebox"

/** What a report may be called. */
export const reportNamePattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$"

/** One report in `loader.yaml`. */
export const reportSchema = Type.Object({
  sql: path({
    description:
      "the file that holds the report: one select, its parameters declared in the comment it begins with; relative to this file",
  }),
  needs: Type.Array(Type.String(), {
    default: [],
    uniqueItems: true,
    description:
      "the pipelines and models that the report reads from: it says of which versions its answer is, and which model is not up to date",
  }),
})

export type ReportSettings = Settings<typeof reportSchema>

export type Report = {
  readonly name: string
  /** Absolute. */
  readonly file: string
  readonly needs: readonly string[]
}

/** In the order of the settings. */
export function listReports(settings: {
  readonly reports: Readonly<Record<string, ReportSettings>>
}): Report[] {
  return Object.entries(settings.reports).map(([name, { sql, needs }]) => ({ name, file: sql, needs }))
}

/** What a report needs has to be there. `known` are the names it may mean. */
export function checkReports(
  reports: Readonly<Record<string, ReportSettings>>,
  known: readonly string[],
): SettingsProblem[] {
  return Object.entries(reports).flatMap(([name, { needs }]) =>
    needs
      .filter((needed) => !known.includes(needed))
      .map((needed) => {
        const nearest = findNearest(needed, known)
        const expected = nearest === undefined ? `expected ${known.join(", ")}` : `did you mean ${nearest}?`
        return {
          path: `reports.${name}.needs`,
          message: `names ${JSON.stringify(needed)}, which is no pipeline and no model; ${expected}`,
        }
      }),
  )
}

/** Raises usage-invalid with the nearest name. */
export function selectReport(reports: readonly Report[], name: string): Report {
  const found = reports.find((report) => report.name === name)
  if (found !== undefined) return found
  const known = reports.map((report) => report.name)
  const near = findNearest(name, known)
  const has = known.length === 0 ? "names none" : `has ${known.join(", ")}`
  throw new Problem("usage-invalid", `There is no report ${name}; loader.yaml ${has}.`, {
    hint: near === undefined ? "Without a name all are listed." : `Did you mean ${near}?`,
  })
}
