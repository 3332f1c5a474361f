/** `verify` beside the load that it looks at again. */
import type { DataFile } from "./data-files.ts"
import { clear, type Server } from "./server.ts"
import { type Services, table } from "./services.ts"

export type VerifyPair = {
  /** From the start of `flatbed-loader load` to its COMMIT. */
  readonly loadSeconds: number
  /** From the start of `flatbed-loader verify` to its end. */
  readonly verifySeconds: number
}

export type Verify = { readonly rows: number; readonly pairs: readonly VerifyPair[] }

/** Loads the file into a new table and verifies it, so many times. Throws an Error when verify found less than all rows. */
export async function measureVerify(
  services: Services,
  file: DataFile,
  pairs: number,
  server: Server,
): Promise<Verify> {
  await services.startPublished(file.path)
  const found: VerifyPair[] = []
  for (let pair = 0; pair < pairs; pair++) {
    await clear(server, table)
    const loader = services.startLoader(["load"])
    await loader.ended
    const published = loader.linesOf("run.published")[0]
    if (published === undefined) throw new Error("The loader ended well and published nothing.")
    const verifier = services.startLoader(["verify", "--json"])
    const { at, stdout } = await verifier.ended
    const [verified] = JSON.parse(stdout).pipelines
    if (verified.outcome !== "equal" || verified.rows !== file.rows)
      throw new Error(`verify compared other rows than those that were loaded: ${stdout}`)
    found.push({
      loadSeconds: (Date.parse(published.time) - loader.startedAt) / 1000,
      verifySeconds: (at - verifier.startedAt) / 1000,
    })
  }
  await clear(server, table)
  return { rows: file.rows, pairs: found }
}
