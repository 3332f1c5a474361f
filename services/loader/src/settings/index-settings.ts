/** Pure: the indexes that a pipeline asks for, as `loader.yaml` says it and as Postgres gets them. */
import { createHash } from "node:crypto"
import type { Settings, SettingsProblem } from "@flatbed/config"
import Type from "@flatbed/typebox"

/** `indexes` of one pipeline. */
export const indexesSchema = Type.Array(
  Type.Object({
    columns: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
    unique: Type.Boolean({ default: false }),
    name: Type.Optional(Type.String({ minLength: 1 })),
  }),
  {
    default: [],
    shownAs: "list of `{ columns, unique, name }`",
    description:
      "indexes that the table is to have, made behind a load where they are missing; only `columns` is required",
  },
)

export type IndexSettings = Settings<typeof indexesSchema>

/** An index that the table is to have. */
export type WantedIndex = {
  readonly name: string
  readonly columns: readonly string[]
  readonly unique: boolean
}

/** The indexes with their names, in the order of the file. */
export function listIndexes(table: string, settings: IndexSettings): WantedIndex[] {
  return settings.map(({ columns, unique, name }) => ({
    name: name ?? nameIndex(table, columns, unique),
    columns,
    unique,
  }))
}

// Postgres cuts longer ones (NAMEDATALEN - 1), which would let two names meet.
const longestName = 63
const digestLength = 8

/** `people_name_idx`, `people_mail_key`, as Postgres would name it; a longer one ends in a digest of the whole. */
function nameIndex(table: string, columns: readonly string[], unique: boolean): string {
  const whole = `${table}_${columns.join("_")}_${unique ? "key" : "idx"}`
  const bytes = Buffer.from(whole)
  if (bytes.length <= longestName) return whole
  const digest = createHash("sha256").update(whole).digest("hex").slice(0, digestLength)
  // As a stream: what is left of a character that is cut in two is not written.
  const head = new TextDecoder().decode(bytes.subarray(0, longestName - digestLength - 1), { stream: true })
  return `${head}_${digest}`
}

/** Indexes that say the same twice, and names that Postgres cannot hold or tell apart. */
export function checkIndexes(at: string, table: string, settings: IndexSettings): SettingsProblem[] {
  const problems: SettingsProblem[] = []
  const add = (place: string, message: string) => problems.push({ path: `${at}.${place}`, message })
  const wanted = listIndexes(table, settings)
  for (const [i, { name, columns }] of wanted.entries()) {
    const place = `indexes.${i + 1}`
    const before = wanted.slice(0, i)
    const twice = columns.find((one, at) => columns.indexOf(one) !== at)
    const same = before.findIndex((one) => JSON.stringify(one.columns) === JSON.stringify(columns))
    const namesake = before.findIndex((one) => one.name === name)
    if (twice !== undefined) {
      add(`${place}.columns`, `names ${JSON.stringify(twice)} twice, expected each column once`)
    } else if (same !== -1) {
      add(`${place}.columns`, `are those of indexes.${same + 1}; expected one index for these columns`)
    } else if (namesake !== -1) {
      add(
        `${place}.name`,
        `is ${JSON.stringify(name)}, as of indexes.${namesake + 1}; give it one of its own`,
      )
    }
    if (Buffer.byteLength(name) > longestName) {
      add(`${place}.name`, `has ${Buffer.byteLength(name)} bytes, expected at most ${longestName}`)
    }
  }
  return problems
}
