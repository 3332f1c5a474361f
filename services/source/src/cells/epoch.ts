/** Pure: numbers that count seconds or milliseconds since 1970, as timestamps in UTC. */
import { spellSeconds } from "./calendar.ts"

/** What Postgres keeps of a second's fraction. */
const keptDigits = 6
const form = /^(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,100}))?$/

/**
 * `1540919166796` milliseconds are `2018-10-30T17:06:06.796Z`, with every digit that was written; zeros past the sixth
 * are left out. Whatever is no such number, or outside the years 1 to 9999, comes back as it is.
 */
export function compileEpoch(unit: "s" | "ms"): (cell: string) => string {
  const shift = unit === "ms" ? 3 : 0
  return (cell) => {
    const parts = form.exec(cell)
    if (parts === null) return cell
    const [, sign, whole = "0", written = ""] = parts
    // The point moves to the left: a string of digits, so that nothing is rounded.
    const digits = whole.padStart(shift + 1, "0")
    const cut = digits.length - shift
    let seconds = Number(digits.slice(0, cut))
    let fraction = digits.slice(cut) + written
    if (sign === "-") {
      // Clocks count up: -0.25 s is three quarters past the second before.
      seconds = -seconds
      if (/[1-9]/.test(fraction)) {
        seconds -= 1
        fraction = complement(fraction)
      }
    }
    const spelled = spellSeconds(seconds)
    if (spelled === undefined) return cell
    return `${spelled}${fraction === "" ? "" : `.${withoutVainZeros(fraction)}`}Z`
  }
}

/** 1 minus the fraction, in as many digits. */
function complement(fraction: string): string {
  return String(10n ** BigInt(fraction.length) - BigInt(fraction)).padStart(fraction.length, "0")
}

function withoutVainZeros(fraction: string): string {
  const rest = fraction.slice(keptDigits)
  return /^0*$/.test(rest) ? fraction.slice(0, keptDigits) : fraction
}
