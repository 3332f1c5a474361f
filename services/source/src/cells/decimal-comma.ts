/** Pure: numbers as many countries write them, `1.234,50`, in the plain spelling `1234.50`. Digits stay digits. */

// Who writes a space or an apostrophe in the settings means what spreadsheets and French or Swiss software put there.
const relatives: Readonly<Record<string, string>> = {
  " ": " \\u00a0\\u202f\\u2009",
  "'": "'\\u2019",
}

/**
 * The number in plain digits, with a point; whatever is no number in that spelling comes back as it is. A `+` goes,
 * since no type's grammar has it. Undefined for a cell that nobody can be sure of: behind a decimal comma `1.234` is 1234
 * or 1.234, unless points are said to group.
 *
 * What comes back is not changed by a second time: since `1.234` is taken, `1,234` is spelled `1.234e0`.
 */
export function compileDecimal(
  decimal: string,
  group: string | undefined,
): (cell: string) => string | undefined {
  const grouped =
    group === undefined ? "(?!)" : `[1-9][0-9]{0,2}(?:[${relatives[group] ?? escaped(group)}][0-9]{3})+`
  const form = new RegExp(
    `^([+-]?)(?:(${grouped})|(0|[1-9][0-9]*|))(?:${escaped(decimal)}([0-9]+))?([eE][+-]?[0-9]{1,3})?$`,
    "u",
  )
  const isComma = decimal === ","
  const isUnsure = isComma && group !== "."

  return (cell) => {
    const parts = form.exec(cell)
    if (parts === null) return isUnsure && groupedByPoints.test(cell) ? undefined : cell
    const [, sign, groups, ungrouped = "", fraction, exponent = ""] = parts
    // A group and a power of ten in one number is nobody's spelling, nor is a number without digits.
    if (groups === undefined ? ungrouped === "" && fraction === undefined : exponent !== "") return cell
    const whole = groups === undefined ? ungrouped : groups.replace(/[^0-9]/g, "")
    const plain = `${sign === "-" ? "-" : ""}${whole}${fraction === undefined ? "" : `.${fraction}`}${exponent}`
    return isComma && groupedByPoints.test(plain) ? `${plain}e0` : plain
  }
}

const groupedByPoints = /^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+$/
const escaped = (sign: string) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`
