/** Pure: a loader.yaml for what a source offers, with comments for the person who goes on from there. */
import { counted } from "./summary.ts"

export type DraftDataset = {
  readonly name: string
  /** In the newest version; written as a comment. */
  readonly rows?: number | null
  /** Why it cannot be loaded as it is; a comment too. */
  readonly trouble?: string
}

export type DraftSource = {
  readonly url?: string
  /** Whether the token is to be read from FLATBED_TOKEN. */
  readonly token?: boolean
  /** Path of the authority's certificate, relative to the settings file. */
  readonly ca?: string
  readonly allowPlainHttp?: boolean
}

export type LoaderDraft = {
  /** Text of the settings file. */
  readonly yaml: string
  /** In the order of the datasets. */
  readonly pipelines: readonly { readonly name: string; readonly dataset: string; readonly table: string }[]
}

/** Where a source listens when nothing else was said. */
export const standardSourceUrl = "http://127.0.0.1:4000"

const longestName = 41

/** One pipeline per dataset, into a table of its name, run whenever the source announces a new version. */
export function draftLoaderYaml(datasets: readonly DraftDataset[], source: DraftSource = {}): LoaderDraft {
  const names = namePipelines(datasets.map(({ name }) => name))
  const pipelines = datasets.map(({ name: dataset }, i) => ({
    name: names[i] ?? "",
    dataset,
    table: `public.${dataset}`,
  }))
  const entries = pipelines.flatMap((pipeline, i) => draftPipeline(pipeline, datasets[i], i === 0))
  const lines = [
    "# What is loaded, and into which table. This file is for the server that has the database; it is yours to change.",
    `# ${variable("NAME")} stands for the environment variable NAME, so that passwords stay out of this file.`,
    "",
    "source:",
    ...draftSource(source),
    "",
    "database:",
    `  url: "${variable("DATABASE_URL")}" # postgres://user:password@host:port/database`,
    "",
    ...(entries.length === 0 ? ["pipelines: {}"] : ["pipelines:", ...entries]),
  ]
  return { yaml: `${lines.join("\n")}\n`, pipelines }
}

function draftSource({ url = standardSourceUrl, token = false, ca, allowPlainHttp = false }: DraftSource) {
  return [
    `  url: ${JSON.stringify(url)} # where the source listens`,
    token
      ? `  token: "${variable("FLATBED_TOKEN")}" # sent to that address only`
      : `  # token: "${variable("FLATBED_TOKEN")}" # if the source asks for one: flatbed-source token new makes it`,
    ...(ca === undefined
      ? []
      : [`  ca: ${JSON.stringify(ca)} # the authority that signed the source's certificate`]),
    ...(allowPlainHttp
      ? ["  allow_plain_http: true # the token is readable on every network in between"]
      : []),
  ]
}

function draftPipeline(
  { name, dataset, table }: LoaderDraft["pipelines"][number],
  described: DraftDataset | undefined,
  explain: boolean,
): string[] {
  const say = (comment: string) => (explain ? ` # ${comment}` : "")
  const { rows, trouble } = described ?? {}
  return [
    `  ${text(name)}:${say("a name of your choice")}`,
    ...(trouble === undefined
      ? []
      : [`    # It cannot be loaded as it is: ${trouble.replace(/\s+/g, " ").trim()}`]),
    `    dataset: ${text(dataset)}${typeof rows === "number" ? ` # ${counted(rows, "record")}` : ""}`,
    `    table: ${text(table)}${say("made from the file's columns if it is not there")}`,
    `    mode: replace${say("the newest version of the file takes the place of the one before")}`,
    `    follow: true${say("runs as soon as the source announces a new version")}`,
    ...(explain
      ? ['    # schedule: "*/15 * * * *" # or by the clock: minute, hour, day, month, weekday, in UTC']
      : []),
  ]
}

/** Dataset names are pipeline names too, but for the longest ones: those are cut, and no two are the same. */
function namePipelines(datasets: readonly string[]): string[] {
  const taken = new Set<string>()
  return datasets.map((dataset) => {
    let name = dataset.slice(0, longestName)
    for (let n = 2; taken.has(name); n++)
      name = `${dataset.slice(0, longestName - 1 - String(n).length)}_${n}`
    taken.add(name)
    return name
  })
}

/** As the settings name an environment variable. */
function variable(name: string): string {
  return `\${${name}}`
}

/** As YAML's plain style where nothing could be misread, otherwise quoted as JSON, which is YAML. */
function text(value: string): string {
  const isPlain = /^[a-z][a-z0-9_.-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/.test(value)
  return isPlain ? value : JSON.stringify(value)
}
