/**
 * The tables of the READMEs that restate something from the code. Each stands between markers in its file and is
 * made here; `UPDATE_DOCS=1 npx vitest run test/docs.test.ts` writes them anew.
 */
import { describeSettings } from "@flatbed/config"
import { columnTypes, exitCodes, grammars, problems, rejectCodes } from "@flatbed/contract"
import { settingsSchema as loaderSettingsSchema } from "@flatbed/loader"
import { cleanSteps, patternLetters, sourceSettingsSchema } from "@flatbed/source"

const exitMeanings: Record<keyof typeof exitCodes, string> = {
  done: "done, also when there was nothing new",
  unexpected: "something unexpected: please report it",
  usage: "the command or the settings cannot be used",
  source: "the source is unreachable, or refused",
  database: "Postgres is unreachable, or refused",
  contract: "the data broke a contract or a limit; nothing was loaded",
  rejects:
    "loaded, with rejects under the declared limit, or rows left out of a model by its checks; `check`, `export`: servable, with rejects",
  receipt: "the load did not add up, and nothing was loaded; `verify`: the table is not what was published",
  locked: "another run holds this pipeline",
  models: "loaded, but a model failed; its table is as it was",
}

/** Marker name → Markdown table. */
export const tables: Readonly<Record<string, () => string>> = {
  "column-types": () =>
    table(
      ["Type", "Accepted spellings", "Examples"],
      columnTypes.map((type) => [
        `\`${type}\``,
        grammars[type].forms,
        grammars[type].examples.map((example) => `\`${example}\``).join(", "),
      ]),
    ),
  "reject-codes": () =>
    table(
      ["Code", "Meaning"],
      Object.entries(rejectCodes).map(([code, meaning]) => [`\`${code}\``, meaning]),
    ),
  "problem-codes": () =>
    table(
      ["Code", "Status", "Retry", "Exit", "Meaning"],
      Object.entries(problems).map(([code, row]) => [
        `\`${code}\``,
        String(row.status ?? "—"),
        row.retryable ? "yes" : "no",
        String(exitCodes[row.exit]),
        row.title,
      ]),
    ),
  "clean-steps": () =>
    table(
      ["Step", "What it does"],
      cleanSteps.map(({ written, meaning }) => [`\`${written}\``, meaning]),
    ),
  "pattern-letters": () =>
    table(
      ["Letters", "Part", "Example"],
      patternLetters.map(({ letters, meaning, example }) => [`\`${letters}\``, meaning, example]),
    ),
  "source-settings": () => settingsTable(sourceSettingsSchema),
  "loader-settings": () => settingsTable(loaderSettingsSchema),
  "exit-codes": () =>
    table(
      ["Exit code", "Meaning"],
      [
        ...Object.entries(exitMeanings).map(([name, meaning]) => [
          String(exitCodes[name as keyof typeof exitCodes]),
          meaning,
        ]),
        ["130, 143", "ended by Ctrl-C (SIGINT), by SIGTERM"],
      ],
    ),
}

function settingsTable(schema: Parameters<typeof describeSettings>[0]): string {
  return table(
    ["Setting", "Type", "Default", "Meaning"],
    describeSettings(schema).map(({ path, type, required, default: value, description }) => [
      `\`${path}\``,
      type,
      required ? "required" : value === null ? "—" : `\`${value}\``,
      description,
    ]),
  )
}

/** A Markdown table; pipes inside cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n")
}

/** The file's text with every marked table made anew. */
export function withTables(markdown: string): string {
  return markdown.replace(/<!-- table:([a-z-]+) -->\n[\s\S]*?<!-- \/table -->/g, (_whole, name: string) => {
    const make = tables[name]
    if (make === undefined)
      throw new Error(`No table is called ${name}; known: ${Object.keys(tables).join(", ")}`)
    return `<!-- table:${name} -->\n${make()}\n<!-- /table -->`
  })
}
