/** The commands `config show|validate|schema`: what a source would be started with, without starting anything. */
import { formatEffective, selectEffective } from "@flatbed/config"
import { type Command, type CommandContext, maskSecrets } from "@flatbed/edge"
import { counted } from "./counted.ts"
import { inspectSourceSettings, standardFile } from "./settings.ts"
import { schemaText, sourceJsonSchema } from "./settings-schema.ts"

export const configShowCommand: Command = {
  name: "config show",
  summary: "print every setting in effect and where it comes from: file and line, variable, or default",
  arguments: [{ name: "setting", summary: "only this one, or those below it", optional: true }],
  examples: ["flatbed-source config show", "flatbed-source config show datasets.telecom"],
  run: show,
}

export const configValidateCommand: Command = {
  name: "config validate",
  summary: "read the settings and name every problem at once; looks at no file but these (check does)",
  examples: ["flatbed-source config validate --config /etc/flatbed/source.yaml"],
  run: validate,
}

export const configSchemaCommand: Command = {
  name: "config schema",
  summary: "print the JSON Schema of source.yaml, by which editors complete and check it",
  examples: ["flatbed-source config schema > .flatbed/source.schema.json"],
  run: schema,
}

async function show({ args, configFile = standardFile, env, print }: CommandContext): Promise<void> {
  const { file, shown, effective } = await inspectSourceSettings({ file: configFile, env })
  const selected = selectEffective(effective, args.setting as string | undefined)
  const from = Object.fromEntries(selected.map((one) => [one.path, one.from]))
  const values = Object.fromEntries(selected.map((one) => [one.path, one.value]))
  const settings = args.setting === undefined ? shown : values
  // A second look, for what stands in a setting that is none of the secrets.
  const value = JSON.parse(maskSecrets(JSON.stringify({ file, settings, from })))
  print(value, maskSecrets(formatEffective(selected)))
}

async function validate({ configFile = standardFile, env, print }: CommandContext): Promise<void> {
  const { file, settings, effective } = await inspectSourceSettings({ file: configFile, env })
  const datasets = Object.keys(settings.datasets)
  const written = effective.filter(({ from }) => from !== "default").length
  const text = `${file}: ok, ${counted(datasets.length, "dataset")}, ${counted(written, "setting")} beside the defaults`
  print({ file, valid: true, datasets, settings: written }, text)
}

async function schema({ print }: CommandContext): Promise<void> {
  print(sourceJsonSchema(), schemaText().trimEnd())
}
