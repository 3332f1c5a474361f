/** Pure: which of the offered representations a request wants (RFC 9110 section 12). */
import { Problem } from "@flatbed/contract"

export type Coding = "identity" | "gzip" | "zstd"

type Preference = {
  readonly value: string
  readonly quality: number
  /** A media range's own, such as `header=absent`. */
  readonly parameters: readonly string[]
}

/**
 * The offered form that `Accept` weighs highest; among equals the first. Raises not-acceptable, naming what is
 * offered, when it excludes them all.
 */
export function negotiateForm<Form extends { readonly accepts: string }>(
  accept: string | undefined,
  offered: readonly Form[],
): Form {
  const preferences = accept === undefined || accept.trim() === "" ? undefined : parsePreferences(accept)
  let best: Form | undefined
  let bestQuality = 0
  for (const form of offered) {
    const quality = preferences === undefined ? 1 : qualityOfType(form.accepts, preferences)
    if (quality > bestQuality) {
      best = form
      bestQuality = quality
    }
  }
  if (best !== undefined) return best
  const names = offered.map((form) => form.accepts).join(", ")
  throw new Problem("not-acceptable", `Accept is ${JSON.stringify(accept)}; offered are ${names}.`, {
    hint: `Ask for one of ${names}, or leave Accept away.`,
  })
}

/**
 * The offered coding that is named with the greatest weight, among equals the first, if it weighs at least as much
 * as identity or identity is excluded; otherwise identity (RFC 9110 section 12.5.3). Raises not-acceptable when
 * everything is excluded.
 */
export function negotiateCoding(
  acceptEncoding: string | undefined,
  offered: readonly Exclude<Coding, "identity">[],
): Coding {
  if (acceptEncoding === undefined) return "identity"
  const preferences = parsePreferences(acceptEncoding)
  const weigh = (name: string) => preferences.find(({ value }) => value === name)?.quality
  // RFC 9110 section 8.4.1.3: x-gzip is gzip.
  const weighOffered = (name: string) => weigh(name) ?? (name === "gzip" ? weigh("x-gzip") : undefined)
  const star = weigh("*")
  const identity = weigh("identity")
  let named: Coding | undefined
  let namedQuality = 0
  for (const coding of offered) {
    const quality = weighOffered(coding) ?? 0
    if (quality > namedQuality) {
      named = coding
      namedQuality = quality
    }
  }
  // Without a word about it identity is acceptable, unless `*;q=0` excludes what is not named.
  if ((identity ?? star ?? 1) > 0) {
    return named !== undefined && namedQuality >= (identity ?? 0) ? named : "identity"
  }
  if (named !== undefined) return named
  // Who takes anything unnamed gets what most clients know, the last.
  const unnamed = offered.filter((coding) => weighOffered(coding) === undefined).at(-1)
  if ((star ?? 0) > 0 && unnamed !== undefined) return unnamed
  const names = [...offered, "identity"]
  throw new Problem(
    "not-acceptable",
    `Accept-Encoding is ${JSON.stringify(acceptEncoding)}; offered are ${names.join(", ")}.`,
    { hint: `Allow ${names.join(" or ")}.` },
  )
}

/** Whether `If-None-Match` names the tag; the comparison is the weak one (RFC 9110 section 13.1.2). */
export function matchesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === "*") return true
  return [...ifNoneMatch.matchAll(/(?:W\/)?("[^"]*")/g)].some((match) => match[1] === etag)
}

// The most specific range that fits decides, not the heaviest. A range that gives one of the form's parameters
// another value is another form.
function qualityOfType(form: string, preferences: readonly Preference[]): number {
  const [type = "", ...own] = form.split(";").map((word) => word.trim())
  const [family = ""] = type.split("/")
  const fits = (parameter: string) => {
    const [name = ""] = parameter.split("=")
    return own.every((one) => !one.startsWith(`${name}=`) || one === parameter.replaceAll('"', ""))
  }
  for (const range of [type, `${family}/*`, "*/*"]) {
    const found = preferences.find(({ value, parameters }) => value === range && parameters.every(fits))
    if (found !== undefined) return found.quality
  }
  return 0
}

function parsePreferences(field: string): Preference[] {
  return field.split(",").flatMap((part) => {
    const [value = "", ...parameters] = part.split(";").map((word) => word.trim().toLowerCase())
    if (value === "") return []
    const weight = parameters.find(isWeight)
    return [
      {
        value,
        quality: weight === undefined ? 1 : parseQuality(weight),
        parameters: parameters.filter((parameter) => parameter !== "" && !isWeight(parameter)),
      },
    ]
  })
}

const isWeight = (parameter: string) => /^q\s*=/.test(parameter)

// A weight that cannot be read excludes nothing and prefers nothing.
function parseQuality(weight: string): number {
  const text = weight.slice(weight.indexOf("=") + 1).trim()
  return /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1
}
