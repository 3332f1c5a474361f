/** Pure: the number of a chunk or row in an address. */
import { Problem } from "@flatbed/contract"

/** A number as digits without leading zeros; raises request-invalid for anything else. 0 is for the caller to miss. */
export function parsePosition(name: "chunk" | "row", written: string): number {
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
