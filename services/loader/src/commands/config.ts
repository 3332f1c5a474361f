/** `config show|validate|schema`: what the loader would be started with, without starting anything. */
import { formatEffective, inspectSettings, selectEffective } from "@flatbed/config"
import { type Command, type CommandContext, maskSecrets } from "@flatbed/edge"
import { checkFiles } from "../check-files.ts"
import { loaderJsonSchema, schemaText } from "../settings/settings-schema.ts"
import { counted } from "../summary.ts"
import { settingsInput } from "./settings-file.ts"

export const configShowCommand: Command = {
  name: "config show",
  summary: "prints every setting in effect and where it comes from: file and line, variable, or default",
  arguments: [{ name: "setting", summary: "only this one, or those below it", optional: true }],
  examples: ["flatbed-loader config show", "flatbed-loader config show source"],
  run: show,
}

export const configValidateCommand: Command = {
  name: "config validate",
  summary:
    "reads the settings, and the files of models, reports and migrations, and names every problem at once; asks neither source nor database",
  examples: ["flatbed-loader config validate --config /etc/flatbed/loader.yaml"],
  run: validate,
}

export const configSchemaCommand: Command = {
  name: "config schema",
  summary: "prints the JSON Schema of loader.yaml, by which editors complete and check it",
  examples: ["flatbed-loader config schema > .flatbed/loader.schema.json"],
  run: schema,
}

async function show(context: CommandContext): Promise<void> {
  const { file, shown, effective } = await inspectSettings(await settingsInput(context))
  const selected = selectEffective(effective, context.args.setting as string | undefined)
  const from = Object.fromEntries(selected.map((one) => [one.path, one.from]))
  const values = Object.fromEntries(selected.map((one) => [one.path, one.value]))
  const settings = context.args.setting === undefined ? shown : values
  // A second look, for what stands in a setting that is none of the secrets.
  const value = JSON.parse(maskSecrets(JSON.stringify({ file, settings, from })))
  context.print(value, maskSecrets(formatEffective(selected)))
}

async function validate(context: CommandContext): Promise<void> {
  const { file, settings, effective } = await inspectSettings(await settingsInput(context))
  await checkFiles(settings)
  const pipelines = Object.keys(settings.pipelines)
  const written = effective.filter(({ from }) => from !== "default").length
  const text = `${file}: ok, ${counted(pipelines.length, "pipeline")}, ${counted(written, "setting")} beside the defaults`
  context.print({ file, valid: true, pipelines, settings: written }, text)
}

async function schema({ print }: CommandContext): Promise<void> {
  print(loaderJsonSchema(), schemaText().trimEnd())
}
