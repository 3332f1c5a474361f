/** Amounts with their unit: the written form and the number, both ways. */

export const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const byteUnits = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
} as const

// A timer set further ahead than 2^31 - 1 ms (24.8 days) fires at once (Node, `setTimeout`).
const maxDurationMs = 24 * durationUnits.d

/** `"30s"` → 30000. Throws a RangeError whose message says what was expected. */
export function parseDuration(written: string): number {
  const ms = parseAmount(written, durationUnits, 'a duration with its unit, such as "30s"')
  if (ms > maxDurationMs) throw new RangeError("a duration of at most 24d")
  return ms
}

/** `"64KiB"` → 65536. Throws a RangeError whose message says what was expected. */
export function parseBytes(written: string): number {
  return parseAmount(written, byteUnits, 'an amount with its unit, such as "1MiB"')
}

/** 90000 → `"90s"`: in the largest unit that divides it. */
export function formatDuration(ms: number): string {
  return formatAmount(ms, durationUnits)
}

/** 1048576 → `"1MiB"`: in the largest binary unit that divides it. */
export function formatBytes(amount: number): string {
  const { B, KiB, MiB, GiB } = byteUnits
  return formatAmount(amount, { B, KiB, MiB, GiB })
}

function parseAmount(written: string, units: Readonly<Record<string, number>>, expected: string): number {
  const parts = /^([0-9]+)([A-Za-z]+)$/.exec(written)
  const unit = parts?.[2] ?? ""
  const amount = Object.hasOwn(units, unit) ? Number(parts?.[1]) * (units[unit] ?? Number.NaN) : Number.NaN
  if (!Number.isSafeInteger(amount)) throw new RangeError(expected)
  return amount
}

function formatAmount(amount: number, units: Readonly<Record<string, number>>): string {
  const [smallest = ""] = Object.keys(units)
  const largest = Object.entries(units).findLast(([, size]) => amount !== 0 && amount % size === 0)
  const [unit, size] = largest ?? [smallest, 1]
  return `${amount / size}${unit}`
}
