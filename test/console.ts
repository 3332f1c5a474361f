/**
 * Runs the few commands that our READMEs show, so that a machine without curl and jq can test them: `curl` with
 * -s, -i and -H, then `jq length`, `jq [-c] PATH`, `head -n N`, `tail -n N`.
 */

/** The text that the command prints. Throws on a command or option it does not know. */
export async function runConsoleCommand(command: string): Promise<string> {
  const [first = [], ...rest] = splitWords(command.replaceAll("\\\n", " "))
  let text = await curl(first)
  for (const words of rest) text = filter(words, text)
  return text
}

async function curl(words: readonly string[]): Promise<string> {
  const headers: [string, string][] = []
  let url: string | undefined
  let showHead = false
  const rest = words.slice(1)
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "-s") continue
    if (word === "-i" || word === "-si") showHead = true
    else if (word === "-H") {
      const header = rest.shift() ?? ""
      headers.push([header.slice(0, header.indexOf(":")), header.slice(header.indexOf(":") + 1).trim()])
    } else if (url === undefined && !word.startsWith("-")) url = word
    else throw new Error(`curl ${word} is not one of the options that a README may show`)
  }
  const answer = await fetch(`http://${url?.replace(/^http:\/\//, "")}`, { headers })
  const head = [
    `HTTP/1.1 ${answer.status} ${answer.statusText}`,
    ...[...answer.headers].map(([k, v]) => `${k}: ${v}`),
  ]
  const body = await answer.text()
  return showHead ? `${head.join("\n")}\n\n${body}` : body
}

function filter(words: readonly string[], text: string): string {
  const [program, option, value] = words
  const lines = text.replace(/\n$/, "").split("\n")
  if (program === "head" && option === "-n") return lines.slice(0, Number(value)).join("\n")
  if (program === "tail" && option === "-n") return lines.slice(-Number(value)).join("\n")
  if (program === "jq") {
    const compact = option === "-c"
    return jq((compact ? value : option) ?? "", JSON.parse(text), compact)
  }
  throw new Error(`${words.join(" ")} is not one of the filters that a README may show`)
}

function jq(path: string, document: unknown, compact: boolean): string {
  const value = path === "length" ? (document as unknown[]).length : walk(path, document)
  return JSON.stringify(value, null, compact ? 0 : 2)
}

function walk(path: string, document: unknown): unknown {
  const steps = path.match(/\.[A-Za-z_]+|\[\d+\]/g) ?? []
  if (path !== "." && steps.join("") !== path.replace(/\.\[/g, "["))
    throw new Error(`jq ${path} is not a plain path`)
  return steps.reduce(
    (value, step) => (value as Record<string, unknown>)[step.replace(/^\.|[[\]]/g, "")],
    document,
  )
}

/** Words of each command of a pipeline; single quotes keep words together. */
function splitWords(command: string): string[][] {
  const pipeline: string[][] = [[]]
  for (const match of command.matchAll(/'([^']*)'|(\|)|([^\s|']+)/g)) {
    if (match[2] !== undefined) pipeline.push([])
    else pipeline.at(-1)?.push(match[1] ?? match[3] ?? "")
  }
  return pipeline
}
