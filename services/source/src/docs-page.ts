/** Pure: the API document as a page for people. No script, and nothing from any other server. */
import { createHash } from "node:crypto"
import { paths } from "@flatbed/contract"
import type { ApiDocument } from "./openapi/document.ts"
import type { ApiOperation } from "./openapi/operations.ts"

export type DocsInput = {
  readonly api: ApiDocument
  /** `http://localhost:4000`, for the lines to try. */
  readonly origin: string
  /** A dataset that everybody may know of, for the lines to try. */
  readonly dataset: string | undefined
  /** Whether a token is asked for. */
  readonly secured: boolean
}

const style = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem; overflow-wrap: anywhere; }
pre { padding: .75rem; border: 1px solid #8886; border-radius: 6px; overflow-x: auto; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8883; }
`

/** For the page's answer: it may load nothing, run nothing, send nothing, and stand in no frame. */
export const docsPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")

/** The page, as HTML. */
export function renderDocs(input: DocsInput): string {
  const { api, secured } = input
  const sections = Object.entries(api.paths).map(([path, { get }]) => renderOperation(path, get, input))
  const token = secured
    ? "<p>This source asks for a token: <code>export FLATBED_TOKEN=flatbed_…</code> first. " +
      "<code>flatbed-source token new</code> makes one on the source’s server.</p>"
    : ""
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width"><title>Flatbed source</title>',
    `<style>${style}</style></head><body><h1>Flatbed source</h1>`,
    "<p>Flat files as versioned, immutable chunks. ",
    'The same as a document for programs: <a href="/openapi.json">/openapi.json</a>.</p>',
    token,
    "<p>Addresses with a version never change what they answer. A dataset’s current one is the field " +
      "<code>version</code> of its own address, from which <code>jq</code> takes it below.</p>",
    ...sections,
    "</body></html>\n",
  ].join("\n")
}

function renderOperation(path: string, get: ApiOperation, input: DocsInput): string {
  const answers = Object.entries(get.responses).map(
    ([status, { description, content }]) =>
      `<tr><td>${status}</td><td>${inline(description)}</td><td>${Object.keys(content ?? {})
        .map((type) => `<code>${escapeHtml(type)}</code>`)
        .join("<br>")}</td></tr>`,
  )
  return [
    `<h2 id="${escapeHtml(get.operationId)}"><code>GET ${escapeHtml(path)}</code></h2>`,
    `<p>${inline(get.summary)}.${get.description === undefined ? "" : ` ${inline(get.description)}`}</p>`,
    `<pre>${escapeHtml(linesToTry(path, get, input).join("\n"))}</pre>`,
    `<details><summary>Answers</summary><table>${answers.join("")}</table></details>`,
  ].join("\n")
}

/** One line per media type; the first needs no Accept. Before them, where one is needed, the line that finds a version. */
function linesToTry(path: string, get: ApiOperation, { origin, dataset, secured }: DocsInput): string[] {
  const address = path
    .replace("{dataset}", dataset ?? "DATASET")
    .replace("{version}", "$VERSION")
    .replace(/\{(?:chunk|row|first|last|file)\}/g, "1")
    .replace(/\/rows$/, "/rows?rows=1")
    .replace(/\/beginnings$/, "/beginnings?bytes=1")
  const token = secured && get.security === undefined ? ' -H "Authorization: Bearer $FLATBED_TOKEN"' : ""
  const types = Object.keys(get.responses["200"]?.content ?? {})
  const lines = types.map((type, i) => {
    const accept = i === 0 ? "" : ` -H 'Accept: ${type}'`
    const flags = type === "text/event-stream" ? "-sN" : "-s"
    const url = `${origin}${address}`
    // Some shells look for files where a question mark stands outside quotes.
    return `curl ${flags}${token}${accept} ${url.includes("?") ? `"${url}"` : url}`
  })
  if (!path.includes("{version}")) return lines
  const current = `${origin}${paths.dataset(dataset ?? "DATASET")}`
  return [`VERSION=$(curl -s${token} ${current} | jq -r .version)`, ...lines]
}

function inline(markdown: string): string {
  return escapeHtml(markdown).replace(/`([^`]+)`/g, "<code>$1</code>")
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  }
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)
}
