/** For tests: holds real answers against an OpenAPI document, and remembers which of its answers were met. */
import { Ajv2020 } from "ajv/dist/2020.js"
import addFormats from "ajv-formats"

type Responses = Record<string, { headers?: Record<string, unknown>; content?: Record<string, unknown> }>
type Document = { paths: Record<string, Record<"get" | "head", { responses: Responses }>> }

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

export function createAnswerCheck(document: object) {
  const { paths } = document as Document
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema({ ...document, $id: "api" })
  const met = new Set<string>()

  /** What the part of the document at these keys finds wrong with the value. */
  function faults(keys: readonly string[], value: unknown): string[] {
    const pointer = keys
      .map((key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1")))
      .join("/")
    const check = ajv.compile({ $ref: `api#/${pointer}` })
    return check(value) ? [] : [`${keys.join(" ")}: ${ajv.errorsText(check.errors)}`]
  }

  return {
    faultsOfPart: (name: string, value: unknown) => faults(["components", "schemas", name], value),
    /** Everything in which the answer is not as the document says. */
    faults(method: "get" | "head", path: string, answer: Answer): string[] {
      const status = String(answer.status)
      const at = ["paths", path, method, "responses", status]
      const response = paths[path]?.[method].responses[status]
      if (response === undefined)
        return [`${method} ${path} answers ${status}, which the document does not know`]
      const wrong = Object.keys(response.headers ?? {}).flatMap((name) => {
        const value = answer.headers[name]
        if (value === undefined) return [`${method} ${path} ${status}: the header ${name} is missing`]
        const { schema } = resolve(document, (response.headers as Record<string, unknown>)[name]) as {
          schema: object
        }
        const check = ajv.compile(schema)
        return check(value) ? [] : [`${method} ${path} ${status}: ${name} is ${value}`]
      })
      if (response.content === undefined) {
        met.add(`${method} ${path} ${status}`)
        return answer.body === "" ? wrong : [...wrong, `${method} ${path} ${status}: there is a body`]
      }
      const sent = essence(answer.headers["content-type"] ?? "")
      const type = Object.keys(response.content).find((one) => essence(one) === sent)
      if (type === undefined) return [...wrong, `${method} ${path} ${status}: ${sent} is not in the document`]
      met.add(`${method} ${path} ${status} ${type}`)
      const value: unknown = /[/+]json$/.test(sent) ? JSON.parse(answer.body) : answer.body
      return [...wrong, ...faults([...at, "content", type, "schema"], value)]
    },
    /** The answers that the document has and that were not met. */
    unmet(): string[] {
      const all = Object.entries(paths).flatMap(([path, methods]) =>
        (["get", "head"] as const).flatMap((method) =>
          Object.entries(methods[method].responses).flatMap(([status, { content }]) =>
            content === undefined
              ? [`${method} ${path} ${status}`]
              : Object.keys(content).map((type) => `${method} ${path} ${status} ${type}`),
          ),
        ),
      )
      return all.filter((one) => !met.has(one))
    },
  }
}

function essence(type: string): string {
  return (type.split(";")[0] ?? "").trim()
}

function resolve(document: object, value: unknown): unknown {
  const { $ref } = value as { $ref?: string }
  if ($ref === undefined) return value
  return $ref
    .slice(2)
    .split("/")
    .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], document)
}
