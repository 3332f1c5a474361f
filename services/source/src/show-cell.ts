/** Pure: a cell as it stands in messages and documents about it. */

const maxShownCharacters = 100

/** JSON, with the characters that a terminal does not show spelled out: a name may differ in nothing else. */
export function showUnseen(json: string): string {
  return json.replace(/\p{Cf}/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`)
}

/** At most 100 characters and never half of one; a NUL shows as U+2400, since Postgres text cannot hold it. */
export function showCell(cell: string): string {
  const visible = cell.slice(0, maxShownCharacters).replace(/\0/g, "\u2400")
  if (cell.length <= maxShownCharacters) return visible
  const last = visible.charCodeAt(visible.length - 1)
  return last >= 0xd800 && last <= 0xdbff ? visible.slice(0, -1) : visible
}
