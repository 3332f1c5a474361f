/**
 * Whether a README's `console` blocks show what their commands print. Each line that begins with `$ ` is run, in the
 * order of the page; `…` in what is shown stands for anything. With UPDATE_DOCS=1 the page gets what was printed
 * where it shows something else.
 */
import { readFile, writeFile } from "node:fs/promises"
import { resolve } from "node:path"
import { startProcess } from "@flatbed/testing"
import pg from "pg"
import { runConsoleCommand } from "./console.ts"
import { bins } from "./installation.ts"
import { agrees, readConsoleExamples } from "./transcript.ts"

const root = resolve(import.meta.dirname, "..")
const patienceMs = 120_000

export type ReadmeSetup = {
  /** Takes the place of `localhost:4000` in the commands. */
  readonly sourceUrl: string
  /** What `psql "$DATABASE_URL"` connects to. */
  readonly databaseUrl: string
  /** What the two programs have in their environment. */
  readonly env: Readonly<Record<string, string>>
  /** Where the programs run; as the README's reader does in the clone's folder, unless told. */
  readonly cwd?: string
  /** Does commands that are none of curl, psql and the two programs: answers what they print, undefined for unknown ones. */
  readonly others?: (command: string) => Promise<string> | undefined
  /** Which of the page's commands are run; all unless told. */
  readonly only?: (command: string) => boolean
}

/** One text for each command of the page that prints something else than the page shows; throws when it has none. */
export async function disagreements(readme: string, setup: ReadmeSetup): Promise<string[]> {
  let page = await readFile(readme, "utf8")
  const only = setup.only ?? (() => true)
  const examples = readConsoleExamples(page).filter(({ command }) => only(command))
  if (examples.length === 0)
    throw new Error(`${readme} has no console block with such a line that begins with $`)
  const found: string[] = []
  let at = 0
  for (const { command, output } of examples) {
    // A page may show a command twice, and what it prints then.
    at = page.indexOf(`$ ${command}\n`, at) + `$ ${command}\n`.length
    const printed = await runReadmeCommand(command, setup).catch((cause: Error) => {
      // Often it fails for what a command before it printed.
      throw new Error([...found, `$ ${command}\n${cause.message}`].join("\n\n"), { cause })
    })
    // What agrees with everything would show nothing.
    if (output !== "…" && agrees(output, printed)) continue
    found.push(`$ ${command}\nshown:\n${output}\nprinted:\n${printed}`)
    page = replaceOutput(page, at, printed)
  }
  if (process.env.UPDATE_DOCS !== "1") return found
  await writeFile(readme, page)
  return []
}

/** What the command prints, on either output, but for log lines and progress. Throws on one that a README may not show. */
export async function runReadmeCommand(command: string, setup: ReadmeSetup): Promise<string> {
  const other = setup.others?.(command)
  if (other !== undefined) return await other
  if (command.startsWith("curl ")) {
    return await runConsoleCommand(command.replaceAll("localhost:4000", new URL(setup.sourceUrl).host))
  }
  const words = splitWords(command)
  const [first = "", second = ""] = words
  if (first === "psql") return await psql(words, setup)
  if (first === "npx" && second === "flatbed-loader") return await program(bins.loader, words.slice(2), setup)
  if (first === "npx" && second === "flatbed-source") return await program(bins.source, words.slice(2), setup)
  throw new Error(`${command} is not one of the commands that a README may show`)
}

async function program(script: string, args: readonly string[], setup: ReadmeSetup): Promise<string> {
  const { env, cwd = root } = setup
  const running = startProcess({ script, args, cwd, env })
  await running.end(patienceMs)
  const said = running
    .stderr()
    .split("\n")
    .filter((line) => !line.startsWith("{") && !isProgress(line))
  // As in a terminal: what one output ends with is the only thing between them.
  const printed = `${running.stdout()}${said.join("\n")}`
  // CSV ends its lines with CRLF (RFC 4180); a page does not.
  return printed.replaceAll("\r\n", "\n").trim()
}

/** What a program tells every ten seconds where it draws no bar. */
const isProgress = (line: string) => /^\S+: [\d,]+ of [\d,]+ rows, chunk/.test(line)

/** Words as a shell takes them, single and double quotes included; nothing is expanded in them. */
function splitWords(command: string): string[] {
  const words = command.replaceAll("\\\n", " ").matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)
  return [...words].map(([word]) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, one, two) => one ?? two))
}

const numeric = new Set([20, 21, 23, 26, 700, 701, 1700])

/** `psql "$DATABASE_URL" -c '…'`: the rows as psql draws them, times in UTC; of a statement without rows, its tag. */
async function psql(words: readonly string[], { databaseUrl }: ReadmeSetup): Promise<string> {
  const [, database, option, sql = ""] = words
  if (words.length !== 4 || database !== "$DATABASE_URL" || option !== "-c")
    throw new Error(`${words.join(" ")}: a README may show psql "$DATABASE_URL" -c '…' only`)
  const client = new pg.Client({ connectionString: databaseUrl, options: "-c timezone=UTC" })
  await client.connect()
  try {
    const result = await client.query<(string | null)[]>({
      text: sql,
      rowMode: "array",
      types: { getTypeParser: () => (text: string) => text },
    })
    // Of what has no rows the driver gives the tag's first word only.
    if (result.rowCount === null) return sql.split(/\s+/, 2).join(" ").toUpperCase()
    if (result.fields.length === 0) return [result.command, result.rowCount].join(" ")
    const cells = result.rows.map((row) => row.map((cell) => cell ?? ""))
    return drawRows(result.fields, cells)
  } finally {
    await client.end()
  }
}

function drawRows(
  fields: readonly { name: string; dataTypeID: number }[],
  rows: readonly (readonly string[])[],
): string {
  const widths = fields.map(({ name }, i) =>
    Math.max(...[name, ...rows.map((row) => row[i] ?? "")].map(widthOf)),
  )
  const line = (cells: readonly string[]) => cells.map((cell) => ` ${cell} `).join("|")
  const head = fields.map(({ name }, i) => {
    const spare = (widths[i] ?? 0) - widthOf(name)
    return " ".repeat(Math.floor(spare / 2)) + name + " ".repeat(Math.ceil(spare / 2))
  })
  const body = rows.map((row) =>
    line(
      row.map((cell, i) => {
        const blanks = " ".repeat((widths[i] ?? 0) - widthOf(cell))
        return numeric.has(fields[i]?.dataTypeID ?? 0) ? blanks + cell : cell + blanks
      }),
    ),
  )
  const rule = widths.map((width) => "-".repeat(width + 2)).join("+")
  return [line(head), rule, ...body, `(${rows.length} ${rows.length === 1 ? "row" : "rows"})`].join("\n")
}

const widthOf = (text: string) => [...text].length

/** The page with what was printed at this place, up to the next command or the block's end. */
function replaceOutput(page: string, from: number, printed: string): string {
  const end = /^(?:\$ |```$)/m.exec(page.slice(from))?.index ?? 0
  const shown = page.slice(from, from + end)
  return `${page.slice(0, from)}${printable(shown, printed.trimEnd())}\n${page.slice(from + end)}`
}

/** What to show of what was printed: lines that agree stay as they are shown, and what differs in each run is `…`. */
function printable(shown: string, printed: string): string {
  const before = shown.split("\n")
  return printed
    .split("\n")
    .map((line, i) => {
      const was = before[i]
      if (was !== undefined && was !== "" && agrees(was, line)) return was
      return line
        .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "…")
        .replaceAll(/[\d.]+ [kMG]?B in [\d.]+ s \([\d,]+ rows\/s\)/g, "…")
        .replaceAll(/\b(in|after) [\d.]+ s\b/g, "$1 … s")
        .trimEnd()
    })
    .join("\n")
}
