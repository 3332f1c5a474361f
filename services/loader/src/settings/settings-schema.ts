/** The JSON Schema of loader.yaml, for editors: `config schema` prints it, `init` lays it beside the file. */
import { jsonSchemaOf } from "@flatbed/config"
import { settingsSchema } from "./settings.ts"

/**
 * Where `init` lays the schema, relative to the settings. In a folder that no dataset can mean: a file of JSON beside the
 * settings could be taken for data.
 */
export const schemaFile = ".flatbed/loader.schema.json"

/** A settings file's first line: by it the YAML language server of an editor finds the schema. */
export const schemaLine = `# yaml-language-server: $schema=${schemaFile}`

/** JSON Schema 2020-12 of loader.yaml. */
export function loaderJsonSchema(): Record<string, unknown> {
  return jsonSchemaOf(settingsSchema, "urn:flatbed:loader-settings")
}

/** The same as the text of a file. */
export function schemaText(): string {
  return `${JSON.stringify(loaderJsonSchema(), null, 2)}\n`
}
