/** The version that `load --version` names, among those that the source serves. */
import { type Evidence, Problem, type ServedVersions } from "@flatbed/contract"
import { type AskParts, askForDataset, askForEvidence, askForVersions } from "./ask-source.ts"

/** The beginning of a version's name that is enough to choose it; the whole name is 64 digits. */
export const chosenPattern = /^[0-9a-f]{8,64}$/

/** A version to load, and what is known of it. */
export type ChosenVersion = {
  readonly version: string
  readonly evidence: readonly Evidence[] | null
  /** ETag of the dataset document that named it, where it is the newest and nobody chose it. */
  readonly tag: string | undefined
  /** The newest version, when that is another one. */
  readonly newest: string | undefined
}

/**
 * The newest version, or "unchanged" when `knownTag` still names its document; with `chosen` the one whose name begins
 * so. Waits while the source is making a version that may be it.
 *
 * @throws Problem `version-not-found` when none of the versions that the source serves begins so, `usage-invalid` when
 * several do; both name those that there are.
 */
export async function chooseVersion(
  dataset: string,
  chosen: string | undefined,
  knownTag: string | undefined,
  parts: AskParts,
): Promise<ChosenVersion | "unchanged"> {
  if (chosen === undefined) {
    const found = await askForDataset(dataset, knownTag, parts)
    return found === "unchanged" ? found : { ...found, newest: undefined }
  }
  let served = await askForVersions(dataset, parts)
  if (!served.versions.some(({ version }) => version.startsWith(chosen))) {
    // It may be the one that is being made. An older one is there also where the newest content cannot be a version.
    await askForDataset(dataset, undefined, parts)
    served = await askForVersions(dataset, parts)
  }
  const version = pickVersion(served, chosen)
  const newest = served.versions.find(({ current }) => current)?.version
  const evidence = await askForEvidence(dataset, version, parts)
  // Without a tag, the next plain load asks which version is the newest, whatever it finds in the table.
  return { version, evidence, tag: undefined, newest: newest === version ? undefined : newest }
}

/** The one that begins so. */
export function pickVersion({ dataset, versions }: ServedVersions, chosen: string): string {
  const found = versions.filter(({ version }) => version.startsWith(chosen))
  const [only] = found
  if (only !== undefined && found.length === 1) return only.version
  const names = versions.map(({ version, current }) => `${version.slice(0, 12)}${current ? " (newest)" : ""}`)
  const had = names.length === 0 ? "none" : names.join(", ")
  const facts = { dataset, version: chosen }
  if (found.length > 1)
    throw new Problem("usage-invalid", `${found.length} versions of ${dataset} begin with ${chosen}.`, {
      hint: `Give more digits: ${found.map(({ version }) => version).join(", ")}.`,
      facts,
    })
  throw new Problem(
    "version-not-found",
    `The source serves no version of ${dataset} that begins with ${chosen}.`,
    {
      hint: `It serves ${had}. A version stays served for a while after its file was replaced (keep_versions in source.yaml), and no longer once the file was edited.`,
      facts,
    },
  )
}
