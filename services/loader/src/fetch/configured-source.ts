/** The source that the settings name. */

import type { LoaderSettings } from "../settings/settings.ts"
import { readAuthorities } from "./certificates.ts"
import { standardCompression } from "./check-source.ts"
import { createSourceClient, type SourceClient } from "./source-client.ts"

/** A client of so many connections. The authority is read each time: a renewed one needs no restart. */
export async function openSource(
  { source, deadlines }: Pick<LoaderSettings, "source" | "deadlines">,
  connections: number,
): Promise<SourceClient> {
  const settings = {
    url: source.url,
    token: source.token,
    ca: await readAuthorities(source.ca),
    maxBodyBytes: source.max_body,
    compression: source.compression ?? standardCompression(source.url),
    connectMs: deadlines.connect,
    idleMs: deadlines.idle,
    requestMs: deadlines.request,
  }
  return createSourceClient(settings, connections)
}
