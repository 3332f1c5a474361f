/** Pure: numbers as many countries write them, `1.234,50`, in the plain spelling `1234.50`. Digits stay digits. */

// Who writes a space or an apostrophe in the settings means what spreadsheets and French or Swiss software put there.
const relatives: Readonly<Record<string, string>> = {
  " ": " \\u00a0\\u202f\\u2009",
  "'": "'\\u2019",
}

/**
 * The number in plain digits, with a point; whatever is no number in that spelling comes back as it is. A `+` goes,
 * since no type's grammar has it.
 *
 * What comes back is not changed by a second time: where the point groups, `1,234` is spelled `1.234e0`, because
 * `1.234` already stands for 1234.
 */
export function compileDecimal(decimal: string, group: string | undefined): (cell: string) => string {
  const point = escaped(decimal)
  const grouped =
    group === undefined ? "" : `[1-9][0-9]{0,2}(?:[${relatives[group] ?? escaped(group)}][0-9]{3})+|`
  const form = new RegExp(
    `^([+-]?)(${grouped}0|[1-9][0-9]*|)(?:${point}([0-9]+))?([eE][+-]?[0-9]{1,3})?$`,
    "u",
  )
  const pointGroups = group === "."

  return (cell) => {
    const parts = form.exec(cell)
    if (parts === null) return cell
    const [, sign, whole = "", fraction, exponent = ""] = parts
    const digits = whole.replace(/[^0-9]/g, "")
    const isGrouped = digits.length < whole.length
    if (whole === "" && fraction === undefined) return cell
    // A group and a power of ten in one number is nobody's spelling.
    if (isGrouped && exponent !== "") return cell
    const plain = `${sign === "-" ? "-" : ""}${digits}${fraction === undefined ? "" : `.${fraction}`}${exponent}`
    return pointGroups && /^-?[1-9][0-9]{0,2}\.[0-9]{3}$/.test(plain) ? `${plain}e0` : plain
  }
}

const escaped = (sign: string) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`
