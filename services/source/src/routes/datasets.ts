/** The catalog, a dataset, and a version's manifest. */
import {
  type Dataset,
  type DatasetSummary,
  paths,
  routes,
  type ServedVersions,
  type VersionEvidence,
} from "@flatbed/contract"
import type { FastifyInstance } from "fastify"
import type { SourceDataset } from "../dataset.ts"
import { caching, sendDocument } from "../http/representation.ts"

/** Each asks the file system whether something has changed, then answers what is known. */
export function routeDatasets(app: FastifyInstance): void {
  app.get(routes.datasets, async (request, reply) => {
    const { datasets } = request.offer
    await Promise.all(datasets.map((dataset) => dataset.look()))
    await sendDocument(request, reply, { datasets: datasets.map(summarize) }, caching.current)
    return reply
  })

  app.get<{ Params: { dataset: string } }>(routes.dataset, async (request, reply) => {
    const dataset = request.offer.get(request.params.dataset)
    await dataset.look()
    await sendDocument(request, reply, describe(dataset), caching.current)
    return reply
  })

  app.get<{ Params: { dataset: string } }>(routes.versions, async (request, reply) => {
    const dataset = request.offer.get(request.params.dataset)
    await dataset.look()
    await sendDocument(request, reply, listVersions(dataset), caching.current)
    return reply
  })

  app.get<{ Params: { dataset: string; version: string } }>(routes.evidence, async (request, reply) => {
    const { index } = request.offer.get(request.params.dataset).getVersion(request.params.version)
    const { dataset, version } = index.manifest
    const evidence: VersionEvidence = { dataset, version, evidence: [...index.evidence] }
    await sendDocument(request, reply, evidence, caching.immutable)
    return reply
  })

  app.get<{ Params: { dataset: string; version: string } }>(routes.version, async (request, reply) => {
    const { index } = request.offer.get(request.params.dataset).getVersion(request.params.version)
    await sendDocument(request, reply, index.manifest, caching.immutable)
    return reply
  })
}

function listVersions(dataset: SourceDataset): ServedVersions {
  const current = dataset.status().current
  const versions = dataset.versions().map((held) => {
    const { version, rows, rejects, files } = held.index.manifest
    return {
      version,
      current: held === current,
      rows,
      rejects,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      links: { version: paths.version(dataset.name, version) },
    }
  })
  return { dataset: dataset.name, versions }
}

function summarize(dataset: SourceDataset): DatasetSummary {
  const { state, current, progress, problem } = dataset.status()
  const manifest = current?.index.manifest
  const links: Record<string, string> = { self: paths.dataset(dataset.name) }
  if (manifest !== undefined) {
    links.version = paths.version(dataset.name, manifest.version)
    if (manifest.chunks.length > 0) links.first_chunk = paths.chunk(dataset.name, manifest.version, 1)
  }
  return {
    name: dataset.name,
    state,
    version: manifest?.version ?? null,
    rows: manifest?.rows ?? null,
    bytes: manifest?.files.reduce((sum, file) => sum + file.bytes, 0) ?? null,
    chunks: manifest?.chunks.length ?? null,
    ...(progress === undefined ? {} : { progress }),
    ...(problem === undefined
      ? {}
      : {
          problem: {
            code: problem.code,
            detail: problem.message,
            ...(problem.hint === undefined ? {} : { hint: problem.hint }),
          },
        }),
    links,
  }
}

// Whoever reads them wants to know what holds them up, which a few tell.
const shownFiles = 100

function describe(dataset: SourceDataset): Dataset {
  const { current, waiting, leftOut } = dataset.status()
  const index = current?.index
  return {
    ...summarize(dataset),
    columns: index?.manifest.columns ?? null,
    evidence: index === undefined ? null : [...index.evidence],
    files: index?.manifest.files ?? null,
    ...(waiting.length === 0 ? {} : { waiting: waiting.slice(0, shownFiles) }),
    ...(leftOut.length === 0 ? {} : { left_out: leftOut.slice(0, shownFiles) }),
  }
}
