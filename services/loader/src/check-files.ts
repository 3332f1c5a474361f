/** All that is wrong in the files that the settings name: what a load, or the one who asks for a report, would be told. */
import { Problem } from "@flatbed/contract"
import { readAuthorities } from "./fetch/certificates.ts"
import { inspectModels } from "./models/read-models.ts"
import { findMigrationProblems } from "./postgres/own-migrations.ts"
import { inspectReports } from "./reports/report-file.ts"
import { listReports } from "./settings/report-settings.ts"
import type { LoaderSettings } from "./settings/settings.ts"
import { wrongFiles } from "./sql-file.ts"

/**
 * Reads the files of models, reports, migrations and authorities; asks neither source nor database.
 *
 * @throws Problem `settings-invalid` naming every file that cannot be used, and why.
 */
export async function checkFiles(settings: LoaderSettings): Promise<void> {
  const [authorities, models, reports, migrations] = await Promise.all([
    readAuthorities(settings.source.ca).then(
      () => [],
      (error: unknown) => {
        if (error instanceof Problem) return [error.message]
        throw error
      },
    ),
    inspectModels(settings),
    inspectReports(listReports(settings)),
    settings.migrations === undefined ? [] : findMigrationProblems(settings.migrations),
  ])
  const lines = [authorities, migrations, models.wrong, reports.wrong].flat()
  const problem = wrongFiles(
    lines,
    "The settings themselves are well-formed; MODELS.md and REPORTS.md of services/loader say what these files are like.",
  )
  if (problem !== undefined) throw problem
}
