/** Pure: numbers in an address. */
import { Problem } from "@flatbed/contract"

/** A number as digits without leading zeros; raises request-invalid for anything else. 0 is for the caller to miss. */
export function parsePosition(name: "chunk" | "row" | "file" | "length" | "column", written: string): number {
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(written)) return Number(written)
  throw new Problem(
    "request-invalid",
    `A ${name} is a number from 1; the address says ${JSON.stringify(written)}.`,
    {
      hint: `Write the ${name} as digits, such as 1.`,
      facts: { [name]: written },
    },
  )
}

const lists = {
  rows: { one: "row", many: "rows", example: "5,9,14" },
  bytes: { one: "length", many: "lengths", example: "1000,2000" },
  text: { one: "column", many: "columns", example: "2,5" },
  without: { one: "column", many: "columns", example: "3" },
} as const

/** `5,9,14`: rising, at most so many; raises request-invalid for anything else. 0 is for the caller to miss. */
export function parseNumbers(name: keyof typeof lists, written: unknown, most: number): number[] {
  const { one, many, example } = lists[name]
  const hint = `Ask for ?${name}=${example}: at most ${most} numbers, each larger than the one before it.`
  if (typeof written !== "string" || written === "") {
    throw new Problem("request-invalid", `The address does not say which ${many}, once.`, { hint })
  }
  const numbers = written.split(",").map((word) => parsePosition(one, word))
  if (numbers.length > most) {
    throw new Problem(
      "request-invalid",
      `The address names ${numbers.length} ${many}; the limit is ${most}.`,
      {
        hint,
        facts: { [many]: numbers.length, [`most_${many}`]: most },
      },
    )
  }
  const late = numbers.find((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0))
  if (late === undefined) return numbers
  const named = `${one.slice(0, 1).toUpperCase()}${one.slice(1)}`
  throw new Problem("request-invalid", `${named} ${late} does not come after the one before it.`, {
    hint,
    facts: { [one]: late },
  })
}
