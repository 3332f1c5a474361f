/** Plain tables for a terminal. Cells may come from a file, so they are made printable here. Pure. */
import { printable } from "./printable.ts"

/** Columns as wide as their widest cell, two blanks between them. */
export function formatTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const cells = lines.map((line) => line.map(printable))
  const widths = head.map((word, i) =>
    cells.reduce((most, line) => Math.max(most, line[i]?.length ?? 0), word.length),
  )
  return [head, ...cells]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

/** One name and value a line, the values under each other. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd()).join("\n")
}
