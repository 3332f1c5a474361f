export { buildApp, type SourceApp } from "./app.ts"
export { cleanSteps } from "./cells/clean-steps.ts"
export { patternLetters } from "./cells/pattern-letters.ts"
export { discoverFile } from "./discover-file.ts"
export { type Draft, type DraftFile, draftSourceYaml } from "./draft.ts"
export {
  checkSourceSettings,
  type DatasetSettings,
  readSourceSettings,
  type SourceSettings,
  sourceSettingsSchema,
} from "./settings.ts"
export { schemaText as sourceSchemaText } from "./settings-schema.ts"
export { type RunningSource, startSource } from "./start-source.ts"
export { readTextHead } from "./text/read-head.ts"
