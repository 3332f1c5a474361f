/** Builders for the settings that JSON has no type for. Each schema checks what is written and decodes it. */
import Type, { type TSchema } from "@flatbed/typebox"
import { byteUnits, durationUnits, formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts"

/** What our own builders note on a schema beside its JSON Schema keywords. */
export type SettingMark = {
  readonly setting?: "duration" | "bytes" | "secret" | "path" | "word"
  /** path only: measured from the folder of the file it is written in, or from that file's `root`. */
  readonly relativeTo?: "file" | "root"
  /** What is expected, in words, for problems. Any schema of a service may carry it, e.g. beside a pattern. */
  readonly expected?: string
  /** On a record: what its names are, in words, beside their pattern. */
  readonly expectedName?: string
  /** What a settings table shows as its type, where the type itself would take up a line or more. */
  readonly shownAs?: string
  readonly default?: unknown
  readonly description?: string
}

/** Reads the mark of a schema. */
export function markOf(schema: TSchema): SettingMark {
  return schema as SettingMark
}

type Written = { readonly default?: string; readonly description: string }

/** A length of time, written `250ms`, `30s`, `5m`, `2h` or `1d`; decoded to milliseconds. */
export function duration(options: Written) {
  const written = Type.String({
    pattern: `^[0-9]+(?:${Object.keys(durationUnits).join("|")})$`,
    expected: 'a duration with its unit, such as "30s" (units: ms, s, m, h, d; at most 24d)',
    setting: "duration",
    ...options,
  })
  return Type.Codec(written).Decode(parseDuration).Encode(formatDuration)
}

/** An amount of bytes, written `512B`, `64KiB`, `1MiB`, `2GiB` (or kB, MB, GB); decoded to bytes. */
export function bytes(options: Written) {
  const written = Type.String({
    pattern: `^[0-9]+(?:${Object.keys(byteUnits).join("|")})$`,
    expected: 'an amount with its unit, such as "1MiB" (units: B, KiB, MiB, GiB, kB, MB, GB)',
    setting: "bytes",
    ...options,
  })
  return Type.Codec(written).Decode(parseBytes).Encode(formatBytes)
}

/** Text that is never printed; its environment variable may end in `_FILE` and name a file that holds it. */
export function secret({
  minLength = 1,
  ...options
}: {
  readonly description: string
  readonly minLength?: number
}) {
  const expected = minLength === 1 ? "text that is not empty" : `text of at least ${minLength} characters`
  return Type.String({ minLength, expected, setting: "secret", ...options })
}

/**
 * A path, made absolute. In a settings file it is relative to that file's folder, or with `relativeTo: "root"`
 * to that file's own top-level `root`; in a variable or flag it is relative to the working folder.
 */
export function path(options: Written & { readonly relativeTo?: "root" }) {
  return Type.String({ minLength: 1, expected: "a path", setting: "path", relativeTo: "file", ...options })
}

/**
 * Any scalar as the very text that stands in the file, for words that are held against data. YAML reads `01` as 1,
 * `1.10` as 1.1 and rounds a long number; here nobody has to know that and write quotes.
 */
export function word(options: { readonly description: string; readonly minLength?: 1 }) {
  const expected = options.minLength === undefined ? "text" : "text that is not empty"
  return Type.String({ expected, setting: "word", ...options })
}
