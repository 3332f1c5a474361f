/**
 * Reads the examples of a README and says whether real answers agree with them. `…` in an example stands for
 * anything; white space at line ends does not count.
 */

export type HttpExample = {
  readonly title: string
  readonly method: string
  readonly path: string
  readonly requestHeaders: Readonly<Record<string, string>>
  readonly status: number
  readonly answerHeaders: Readonly<Record<string, string>>
  readonly body: string
}

export type ConsoleExample = { readonly command: string; readonly output: string }

/** The ```http blocks: request line and headers, blank line, status and headers, blank line, body. */
export function readHttpExamples(markdown: string): HttpExample[] {
  return blocks(markdown, "http").map(({ title, text }) => {
    const [request = "", answer = "", ...body] = text.split("\n\n")
    const [requestLine = "", ...requestHeaders] = request.split("\n")
    const [status = "", ...answerHeaders] = answer.split("\n")
    const [method = "", path = ""] = requestLine.split(" ")
    return {
      title,
      method,
      path,
      requestHeaders: headersOf(requestHeaders),
      status: Number(status),
      answerHeaders: headersOf(answerHeaders),
      body: body.join("\n\n").trim(),
    }
  })
}

/** The `$ command` lines of ```console blocks, each with the output that the README shows for it. */
export function readConsoleExamples(markdown: string): ConsoleExample[] {
  return blocks(markdown, "console").flatMap(({ text }) =>
    text
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const lines = part.split("\n")
        const continued = lines.findIndex((line) => !line.endsWith("\\")) + 1
        return {
          command: lines.slice(0, continued).join("\n"),
          output: lines.slice(continued).join("\n").trim(),
        }
      }),
  )
}

/** Whether the text is what the example shows, `…` standing for any run of characters. */
export function agrees(example: string, text: string): boolean {
  const trimmed = (part: string) => part.replace(/[ \t]+$/gm, "").trim()
  const pattern = trimmed(example)
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[\\s\\S]*?")
  return new RegExp(`^${pattern}$`).test(trimmed(text))
}

function blocks(markdown: string, language: string): { title: string; text: string }[] {
  const found = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, "gm"))
  return [...found].map((match) => ({
    title: [...markdown.slice(0, match.index).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "",
    text: match[1] ?? "",
  }))
}

function headersOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
}
