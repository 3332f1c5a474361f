/** Pure: what was discovered about a file, for people. */
import { counted } from "./counted.ts"
import type { Discovery } from "./discover-file.ts"
import { sayRejects } from "./draft.ts"
import { whyOf } from "./report-text.ts"
import { textTable } from "./text-table.ts"

/** Several lines: how the file is written, and which type each column has, each with its reason. */
export function formatDiscovery(file: string, discovery: Discovery): string {
  const { rows = 0, rejects, trouble, columns = [], because, evidence, notes } = discovery
  const about = because.flatMap(({ about, because }) =>
    about.startsWith("columns.") ? [] : [{ setting: about.replace(/^dialect\./, ""), because }],
  )
  const width = Math.max(0, ...about.map(({ setting }) => setting.length))
  const lines = [
    trouble === undefined
      ? `${file}: ${counted(rows, "row")}, ${counted(columns.length, "column")}`
      : `${file} cannot be served as it is: ${trouble}`,
    ...about.map(({ setting, because }) => `  ${setting.padEnd(width)}  ${because}`),
    ...(rejects === undefined ? [] : [`  ${sayRejects(rejects)}`]),
    ...notes.map((note) => `  ${note}`),
  ]
  if (columns.length === 0) return lines.map(showControls).join("\n")
  const whys = columns.map(({ name }, i) => {
    const own = because.find(({ about }) => about === `columns.${name}`)
    const found = evidence[i]
    return own?.because ?? (found === undefined ? "" : whyOf({ declared: null, evidence: found }))
  })
  // The last column is a sentence and may be long: it is not cut.
  const table = textTable(
    ["column", "type", "nulls"],
    columns.map(({ name, type }, i) => [name, type, String(evidence[i]?.nulls ?? 0)]),
    { padLast: true },
  )
  const described = table.lines.map((line, i) => `  ${line}  ${i === 0 ? "because" : (whys[i - 1] ?? "")}`)
  return [...lines, "", ...described].map(showControls).join("\n")
}

// Reasons quote cells as JSON, which leaves the C1 controls as they are.
const showControls = (text: string) => text.replace(/\p{Cc}/gu, "\ufffd")
