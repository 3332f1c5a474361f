/** Pure: values as YAML on one line. */

/** As YAML's plain style where nothing could be misread, otherwise quoted as JSON, which is YAML. */
export function yamlText(value: string): string {
  const isPlain =
    /^[A-Za-z_./][A-Za-z0-9_./ -]*$/.test(value) &&
    !/\s$|^(?:true|false|null|yes|no|on|off|y|n|\.[0-9].*|\.inf|\.nan|\.)$/i.test(value)
  return isPlain ? value : JSON.stringify(value)
}

/** A value as a person would write it between braces: `{ decimal: ",", group: " " }`. */
export function yamlFlow(value: unknown): string {
  if (typeof value === "string") return yamlText(value)
  if (Array.isArray(value)) return `[${value.map(yamlFlow).join(", ")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, item]) => `${yamlText(key)}: ${yamlFlow(item)}`)
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`
}
