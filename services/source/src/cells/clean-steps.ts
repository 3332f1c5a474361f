/**
 * Pure: the cleaning steps, a closed set, one row each. Every step is idempotent: what it has done once, it does not do
 * again.
 */
import { createHash, createHmac } from "node:crypto"
import { type Settings, word } from "@flatbed/config"
import Type, { type TSchema } from "@flatbed/typebox"
import { compileDecimal } from "./decimal-comma.ts"
import { compileEpoch } from "./epoch.ts"

/** Why a step cannot go on with a cell: what would have to stand there. */
export type StepFault = { readonly expected: string }

/** A step ready for cells. */
export type CellStep = {
  /** A cell with text; null is NULL. */
  readonly text: (cell: string) => string | null | StepFault
  /** What becomes of NULL. */
  readonly ofNull: string | null
}

/** What steps need from elsewhere in the settings. */
export type StepContext = { readonly hashKey?: string | undefined }

type Row<Step> = {
  /** How it is written, for the README. */
  readonly written: string
  readonly meaning: string
  /** Why what was written cannot be used, going on after the step's name; undefined when it can. */
  readonly fault?: (step: Step, context: StepContext) => string | undefined
  readonly compile: (step: Step, context: StepContext) => CellStep
}

const row = <Schema extends TSchema>(schema: Schema, rest: Row<Settings<Schema>>) => ({ schema, ...rest })
const onText = (text: CellStep["text"]): CellStep => ({ text, ofNull: null })

// ECMAScript's white space: tab, line ends, the space, U+00A0, the other spaces of Unicode (Zs), and U+FEFF.
const unevenSpace = /\s\s|[^\S ]/u
const spaces = /\s+/gu

const table = {
  trim: row(Type.Literal("trim"), {
    written: "trim",
    meaning:
      "white space at both ends goes: spaces, no-break spaces and the other spaces of Unicode, tabs, line ends, U+FEFF",
    compile: () => onText((cell) => cell.trim()),
  }),

  collapse_spaces: row(Type.Literal("collapse_spaces"), {
    written: "collapse_spaces",
    meaning: "white space, however much and of which kind, becomes one space; at the ends too",
    compile: () => onText((cell) => (unevenSpace.test(cell) ? cell.replace(spaces, " ") : cell)),
  }),

  strip_characters: row(
    Type.Object({
      strip_characters: word({ minLength: 1, description: "the characters" }),
    }),
    {
      written: '{ strip_characters: "#*" }',
      meaning: "each of these characters goes, wherever it stands",
      compile({ strip_characters: characters }) {
        const each = [...characters].map((one) => `\\u{${one.codePointAt(0)?.toString(16)}}`)
        const any = new RegExp(`[${each.join("")}]`, "gu")
        return onText((cell) => cell.replace(any, ""))
      },
    },
  ),

  case: row(Type.Object({ case: Type.Enum(["upper", "lower"]) }), {
    written: "{ case: upper }",
    meaning: "upper or lower case, by Unicode's rules for no language in particular",
    compile: ({ case: wanted }) =>
      onText(wanted === "upper" ? (cell) => cell.toUpperCase() : (cell) => cell.toLowerCase()),
  }),

  null_if: row(Type.Object({ null_if: Type.Array(word({ description: "a word" }), { minItems: 1 }) }), {
    written: '{ null_if: ["-", n/a] }',
    meaning: "a cell that is one of these words becomes NULL, quoted or not",
    compile({ null_if: words }) {
      const nulls = new Set(words)
      return onText((cell) => (nulls.has(cell) ? null : cell))
    },
  }),

  fill: row(Type.Object({ fill: word({ description: "the value" }) }), {
    written: "{ fill: unknown }",
    meaning: "NULL becomes this value",
    compile: ({ fill }) => ({ text: (cell) => cell, ofNull: fill }),
  }),

  map: row(
    Type.Object({
      map: Type.Record(Type.String(), word({ description: "what it becomes" }), { minProperties: 1 }),
    }),
    {
      written: "{ map: { m: male, f: female } }",
      meaning: "a cell that is one of the words becomes what stands behind it; any other stays",
      fault({ map }) {
        const meanings = new Map(Object.entries(map))
        for (const [from, to] of meanings) {
          const next = meanings.get(to)
          if (next === undefined || next === to) continue
          const [first, second] = [from, to].map((one) => JSON.stringify(one))
          return `turns ${first} into ${second} and ${second} into ${JSON.stringify(next)}, so that doing it twice would be another thing; expected that no result is turned into something else`
        }
        return undefined
      },
      compile({ map }) {
        const meanings = new Map(Object.entries(map))
        return onText((cell) => meanings.get(cell) ?? cell)
      },
    },
  ),

  decimal: row(
    Type.Object({
      decimal: Type.Enum([",", "."]),
      group: Type.Optional(Type.Enum([".", ",", " ", "'", "_"])),
    }),
    {
      written: '{ decimal: ",", group: "." }',
      meaning:
        "a number with this decimal sign, and with this sign between its thousands if it has any, in plain digits; what is no such number stays as it is. A space stands for no-break spaces too. With a decimal comma `1.234` is 1234 if `group: .` says so, else its record is set aside, since it may be 1.234 too; so the number 1,234 is served as `1.234e0`",
      fault: ({ decimal, group }) =>
        decimal === group ? "has the same sign for decimals and for groups, expected two" : undefined,
      compile({ decimal, group }) {
        const read = compileDecimal(decimal, group)
        const unsure = {
          expected:
            'a number with a decimal comma, which leaves open whether points part its thousands: write group: "." beside decimal: "," if they do',
        }
        return onText((cell) => read(cell) ?? unsure)
      },
    },
  ),

  unicode: row(Type.Object({ unicode: Type.Enum(["nfc"]) }), {
    written: "{ unicode: nfc }",
    meaning: "letters with accents in their composed form, so that é is one character however it was typed",
    compile: () => onText((cell) => cell.normalize("NFC")),
  }),

  epoch: row(Type.Object({ epoch: Type.Enum(["ms", "s"]) }), {
    written: "{ epoch: ms }",
    meaning:
      "a number of milliseconds (or seconds, s) since 1970 becomes a timestamptz in UTC, with all its digits; what is no number stays as it is",
    compile: ({ epoch }) => onText(compileEpoch(epoch)),
  }),

  hash: row(Type.Object({ hash: Type.Enum(["sha256", "hmac"]) }), {
    written: "{ hash: hmac }",
    meaning:
      "the value does not leave this server: `sha256:` and the SHA-256 of its UTF-8 bytes in hex, or `hmac-sha256:` and the HMAC with the setting `hash_key`; NULL stays. A cell that already is such a hash stays too. Without a key, what is easily guessed (a phone number) is easily found out: prefer hmac",
    fault: ({ hash }, { hashKey }) =>
      hash === "hmac" && hashKey === undefined
        ? "is hmac, which needs a key; expected the setting hash_key, at least 16 characters that nobody else knows"
        : undefined,
    compile({ hash }, { hashKey = "" }) {
      const prefix = hash === "hmac" ? "hmac-sha256:" : "sha256:"
      const done = new RegExp(`^${prefix}[0-9a-f]{64}$`)
      const start = () => (hash === "hmac" ? createHmac("sha256", hashKey) : createHash("sha256"))
      return onText((cell) => (done.test(cell) ? cell : prefix + start().update(cell).digest("hex")))
    },
  }),
}

/** One step, as the settings write it. */
export const cleanStepSchema = Type.Union(
  [
    table.trim.schema,
    table.collapse_spaces.schema,
    table.strip_characters.schema,
    table.case.schema,
    table.null_if.schema,
    table.fill.schema,
    table.map.schema,
    table.decimal.schema,
    table.unicode.schema,
    table.epoch.schema,
    table.hash.schema,
  ],
  { shownAs: "step", expected: `one of the steps ${Object.keys(table).join(", ")}` },
)

export type CleanStep = Settings<typeof cleanStepSchema>
export type StepName = keyof typeof table

/** The steps for the README, in the order of the table. */
export const cleanSteps = Object.entries(table).map(([name, { written, meaning }]) => ({
  name: name as StepName,
  written,
  meaning,
}))

/** Which step it is. */
export function nameOfStep(step: CleanStep): StepName {
  const name = typeof step === "string" ? step : Object.keys(step).find((key) => Object.hasOwn(table, key))
  return name as StepName
}

/** Why a step cannot be used, going on after its name; undefined when it can. */
export function findStepFault(step: CleanStep, context: StepContext): string | undefined {
  return rowOf(step).fault?.(step, context)
}

/** A step ready for cells. The settings have been checked. */
export function compileStep(step: CleanStep, context: StepContext): CellStep {
  return rowOf(step).compile(step, context)
}

// The row under a step's name takes that step: the schema says so, which TypeScript cannot follow.
function rowOf(step: CleanStep): Row<CleanStep> {
  return table[nameOfStep(step)] as unknown as Row<CleanStep>
}
