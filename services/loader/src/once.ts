/** What one load does beyond the settings, as the command line asks for it. Pure. */
import { Problem } from "@flatbed/contract"
import { allowDeletes, type Pipeline, selectPipelines } from "./settings/pipeline-settings.ts"

export type Once = {
  /** A version, whole or its first 12 digits or more, that may delete any number of rows. */
  readonly deletesOf?: string | undefined
  /** Whether all is done in earnest and then taken back: no table is another than before. */
  readonly rehearse?: boolean | undefined
  /** The version to load, by its first 8 digits or more, instead of the newest. */
  readonly version?: string | undefined
}

/**
 * The pipelines of these names, or all, as this load runs them.
 *
 * @throws Problem `usage-invalid` for a name that is no pipeline, and for a version together with pipelines of several
 * datasets: a version is one of one dataset.
 */
export function selectForLoad(
  pipelines: readonly Pipeline[],
  names: readonly string[],
  once: Once,
): readonly Pipeline[] {
  const wanted = selectPipelines(pipelines, names).map((one) => allowDeletes(one, once.deletesOf))
  const datasets = new Set(wanted.map(({ dataset }) => dataset))
  if (once.version === undefined || datasets.size <= 1) return wanted
  const list = wanted.map(({ name, dataset }) => `${name} (${dataset})`).join(", ")
  throw new Problem(
    "usage-invalid",
    `--version names a version of one dataset, and these are of ${datasets.size}: ${list}.`,
    { hint: "Name the pipelines whose dataset has that version." },
  )
}
