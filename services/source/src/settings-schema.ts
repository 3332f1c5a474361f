/** The JSON Schema of source.yaml, for editors: `config schema` prints it, `init` lays it beside the file. */
import { jsonSchemaOf } from "@flatbed/config"
import { sourceSettingsSchema } from "./settings.ts"

/**
 * Where `init` lays the schema, relative to the settings. In a folder that no dataset can mean: a file of JSON beside the
 * settings could be taken for data.
 */
export const schemaFile = ".flatbed/source.schema.json"

/** A settings file's first line: by it the YAML language server of an editor finds the schema. */
export const schemaLine = `# yaml-language-server: $schema=${schemaFile}`

/** JSON Schema 2020-12 of source.yaml. */
export function sourceJsonSchema(): Record<string, unknown> {
  return jsonSchemaOf(sourceSettingsSchema, "urn:flatbed:source-settings")
}

/** The same as the text of a file. */
export function schemaText(): string {
  return `${JSON.stringify(sourceJsonSchema(), null, 2)}\n`
}
