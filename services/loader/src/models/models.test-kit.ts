/** What the tests of models share: a bench whose models lie in files of a folder of their own. */
import { type TemporaryFolder, temporaryFolder } from "@flatbed/testing"
import { type Bench, type ChangedSettings, openBench, people, pipelineOf } from "../loader.test-kit.ts"
import type { Loader } from "../loader.ts"
import type { LoaderSettings } from "../settings/settings.ts"
import type { RunOutcome } from "../summary.ts"
import type { ModelOutcome } from "./model-outcome.ts"

type Models = LoaderSettings["models"]

/** A model as a test writes it: `select` goes into a file. */
export type WrittenModel = Partial<Omit<Models[string], "sql">> & {
  readonly select: string
  readonly needs: readonly string[]
}

export type Loaded = { readonly runs: readonly RunOutcome[]; readonly models: readonly ModelOutcome[] }

export type ModelBench = Bench & {
  readonly folder: TemporaryFolder
  /** A loader with these pipelines, or `people` into public.people, and these models. */
  prepare(
    models: Readonly<Record<string, WrittenModel>>,
    pipelines?: LoaderSettings["pipelines"],
    change?: ChangedSettings,
  ): Promise<Loader>
  /** Loads all pipelines and makes what depends on them, as the command `load` does. */
  load(loader: Loader): Promise<Loaded>
  /** Forgets tables, views and the ledger's rows, so that the next test begins afresh in the same database. */
  clear(): Promise<void>
}

/** A database and a source for the tests of a file; five people unless told. */
export async function openModelBench(): Promise<ModelBench> {
  const bench = await openBench(people(5, 5))
  const folder = await temporaryFolder()
  return {
    ...bench,
    folder,
    async prepare(models, pipelines = { people: pipelineOf() }, change = {}) {
      const written = Object.entries(models).map(async ([name, { select, ...model }]) => {
        const sql = await folder.write(`${name}.sql`, select)
        return [name, { as: "table", indexes: [], checks: [], ...model, sql }] as const
      })
      const all = Object.fromEntries(await Promise.all(written))
      return bench.createLoader({ pipelines, models: all, ...change })
    },
    async load(loader) {
      const runs = await loader.load()
      return { runs, models: await loader.makeModels({ after: runs.map(({ pipeline }) => pipeline) }) }
    },
    async clear() {
      await bench.query(
        "drop schema if exists shop cascade; drop schema public cascade; create schema public",
      )
      const tables = await bench.query<{ name: string }>(
        `select relname as name from pg_class where relnamespace = 'flatbed'::regnamespace
            and relkind = 'r' and relname <> 'migrations'`,
      )
      if (tables.length > 0)
        await bench.query(`truncate ${tables.map(({ name }) => `flatbed.${name}`).join(", ")}`)
      bench.source.publish(people(5, 5))
    },
    async close() {
      await bench.close()
      await folder.remove()
    },
  }
}
