/** Flatbed and `\copy` in turn: the same file, the same server, the same columns, a warm-up and then pairs. */
import { type CopyName, type CopyTurn, takeCopyTurn } from "./copy-turn.ts"
import type { DataFile } from "./data-files.ts"
import type { Form } from "./data-sets.ts"
import { type FlatbedTurn, takeFlatbedTurn } from "./flatbed-turn.ts"
import { clear, type Fingerprint, fingerprint, type Server } from "./server.ts"
import { readServed, type Served, type Services, table, withServices } from "./services.ts"

export type Pair = {
  readonly copy: CopyTurn
  readonly published: FlatbedTurn
  readonly unseen: FlatbedTurn
}

export type Throughput = Served & {
  readonly name: string
  readonly what: string
  readonly file: DataFile
  readonly pairs: readonly Pair[]
}

export type Bench = {
  readonly server: Server
  readonly copy: CopyName
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where runs keep their settings. */
  readonly folder: string
  readonly note: (text: string) => void
  readonly signal: AbortSignal
}

const copyTable = "public.bench_copy"
const shapeTable = "public.bench_shape"

/** Raises an Error when the two tables do not hold the same rows: then no figure counts. */
export async function measureThroughput(
  wanted: {
    readonly name: string
    readonly what: string
    /** What Flatbed loads, written in `form`. */
    readonly file: DataFile
    readonly form?: Form | undefined
    /** The CSV of the same cells that `\copy` loads, where the file is none. */
    readonly copied?: DataFile | undefined
    readonly reader?: string | undefined
    readonly pairs: number
  },
  bench: Bench,
): Promise<Throughput> {
  const { file, copied = file, form, name } = wanted
  const { server, note, signal } = bench
  const input = {
    folder: `${bench.folder}/${name}`,
    databaseUrl: server.url,
    env: bench.env,
    reader: wanted.reader,
    form,
    signal,
  }
  try {
    return await withServices(input, async (services) => {
      const expected = await learnShape(wanted, { ...bench, services })
      const pairs: Pair[] = []
      let served: Served = { reader: "none", servedRows: 0 }
      for (let number = 1; number <= wanted.pairs; number++) {
        signal.throwIfAborted()
        const turns = { ...bench, services, name, file: file.path, copied: copied.path }
        const taken = await takePair(number % 2 === 1, expected, turns)
        served = taken.served
        pairs.push(taken.pair)
        note(`${name}, pair ${number} of ${wanted.pairs}: ${describePair(taken.pair)}`)
      }
      const { what } = wanted
      return { name, what, file, ...served, pairs }
    })
  } finally {
    await clearTables(server)
  }
}

/** Drops what the bench made. */
export async function clearTables(server: Server): Promise<void> {
  for (const one of [table, copyTable, shapeTable]) await clear(server, one)
}

type Turns = Bench & { readonly services: Services }

/** The warm-up: the file, or its cells as CSV, once by each side. Flatbed decides on the types, and the two must agree on the rows. */
export async function learnShape(
  {
    name,
    file,
    copied = file,
  }: { readonly name: string; readonly file: DataFile; readonly copied?: DataFile | undefined },
  turns: Turns,
): Promise<Fingerprint> {
  const { server, services } = turns
  const source = await services.startSource()
  await takeFlatbedTurn({ server, services, source, unseen: file.path })
  await clear(server, shapeTable)
  await server.query(`create table ${shapeTable} (like ${table})`)
  const ours = await fingerprint(server, table)
  await clear(server, table)
  await takeCopyTurn({ ...turns, file: copied.path, table: copyTable, like: shapeTable })
  const theirs = await fingerprint(server, copyTable)
  await clear(server, copyTable)
  if (theirs.rows !== file.rows)
    throw new Error(`${name}: \\copy loaded ${theirs.rows} rows of a file of ${file.rows}.`)
  requireSame(name, ours, theirs)
  return theirs
}

async function takePair(
  copyFirst: boolean,
  expected: Fingerprint,
  turns: Turns & { readonly name: string; readonly file: string; readonly copied: string },
): Promise<{ readonly pair: Pair; readonly served: Served }> {
  const { server, services, name, file } = turns
  const takeCopy = async () => {
    const turn = await takeCopyTurn({ ...turns, file: turns.copied, table: copyTable, like: shapeTable })
    await clear(server, copyTable)
    return turn
  }
  const first = copyFirst ? await takeCopy() : undefined
  const source = await services.startSource()
  const unseen = await takeFlatbedTurn({ server, services, source, unseen: file })
  requireSame(name, await fingerprint(server, table), expected)
  const published = await takeFlatbedTurn({ server, services, source })
  requireSame(name, await fingerprint(server, table), expected)
  const copy = first ?? (await takeCopy())
  return { pair: { copy, published, unseen }, served: readServed(await source.published()) }
}

function describePair({ copy, published, unseen }: Pair): string {
  const ratio = ({ commitSeconds }: FlatbedTurn) =>
    `${commitSeconds.toFixed(2)} s (${(copy.seconds / commitSeconds).toFixed(2)})`
  return `\\copy ${copy.seconds.toFixed(2)} s, Flatbed from a published version ${ratio(published)}, from an unseen file ${ratio(unseen)}`
}

/** Raises an Error that shows both. */
export function requireSame(name: string, ours: Fingerprint, theirs: Fingerprint): void {
  if (ours.rows === theirs.rows && ours.hash === theirs.hash) return
  throw new Error(
    `${name}: the two tables differ. Flatbed's holds ${ours.rows} rows with hash sum ${ours.hash}, \\copy's ${theirs.rows} with ${theirs.hash}.`,
  )
}
