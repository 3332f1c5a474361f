/** Numbers as they are typed on the command line. */
import { Problem } from "@flatbed/contract"

/** A whole number from 1; `what` names it in the message. */
export function readNumber(typed: unknown, what: string): number {
  const number = /^[0-9]{1,15}$/.test(String(typed)) ? Number(typed) : 0
  if (number > 0) return number
  throw new Problem("usage-invalid", `${what} is ${JSON.stringify(typed)}; expected a whole number from 1.`)
}
