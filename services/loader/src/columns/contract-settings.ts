/** Pure: which changes of columns a pipeline accepts, as `loader.yaml` says it. */
import type { Settings, SettingsProblem } from "@flatbed/config"
import Type from "@flatbed/typebox"

/** `contract` of one pipeline. Left out, no change is accepted. */
export const contractSchema = Type.Object({
  added: Type.Enum(["freeze", "evolve", "ignore"], {
    default: "freeze",
    description:
      "a column of the file that the table does not have: `freeze` refuses the version, `evolve` adds it to the table, `ignore` does not load it",
  }),
  dropped: Type.Enum(["freeze", "evolve", "ignore"], {
    default: "freeze",
    description:
      "a column of the table that the file does not have: `freeze` refuses the version, `evolve` keeps it and takes NOT NULL off, `ignore` leaves it as it is",
  }),
  type: Type.Enum(["freeze", "evolve"], {
    default: "freeze",
    description:
      "values that a column of the table does not hold: `freeze` refuses the version, `evolve` widens the column: integer to bigint to numeric, date to timestamp, without a limit of length or digits, without NOT NULL",
  }),
  required: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: "columns without which a version is refused, whatever else the contract says",
  }),
})

/** Which changes of columns a pipeline accepts. */
export type ColumnContract = Settings<typeof contractSchema>

/** The contract of a pipeline that says nothing of it. */
export const frozenContract: ColumnContract = {
  added: "freeze",
  dropped: "freeze",
  type: "freeze",
  required: [],
}

/** What no single setting can know. */
export function checkContract(at: string, { required }: ColumnContract): SettingsProblem[] {
  const twice = required.find((name, i) => required.indexOf(name) !== i)
  if (twice === undefined) return []
  const message = `names ${JSON.stringify(twice)} twice, expected each column once`
  return [{ path: `${at}.contract.required`, message }]
}

/** What of it decides which columns a table has, for the settings' digest: a change of it means to load again. */
export function shapingContract({ added }: ColumnContract): Record<string, unknown> {
  // Only a column that is not loaded keeps a table from having what the version has.
  return added === "ignore" ? { added } : {}
}
