/** Decimal numbers without exponents, as Postgres' numeric prints them. */

// Beyond it Postgres' numeric holds no number (manual, "Arbitrary Precision Numbers"): nothing has to be written out.
const widestShift = 131_072

/**
 * A JSON number, or one that begins with its point, with as many digits behind the point as numeric keeps of it: those
 * written, less the exponent. A number that numeric cannot hold comes back as it is.
 */
export function plainDecimal(lexeme: string): string {
  const [all, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/.exec(lexeme) ?? []
  const shift = Number(exponent)
  if (all === undefined || Math.abs(shift) > widestShift) return lexeme
  const digits = whole + fraction
  const point = whole.length + shift
  const before = point <= 0 ? "0" : digits.slice(0, point).padEnd(point, "0")
  const behind = point <= 0 ? "0".repeat(-point) + digits : digits.slice(point)
  // Numeric has no negative zero.
  const shownSign = /[1-9]/.test(digits) ? sign : ""
  const shown = `${shownSign}${before.replace(/^0+(?=[0-9])/, "")}`
  return behind === "" ? shown : `${shown}.${behind}`
}
