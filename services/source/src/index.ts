export { buildApp, type SourceApp } from "./app.ts"
export { cleanSteps } from "./cells/clean-steps.ts"
export { patternLetters } from "./cells/pattern-letters.ts"
export { type Draft, type DraftFile, draftSourceYaml } from "./draft.ts"
export { sniffDelimiter } from "./formats/sniff-delimiter.ts"
export {
  checkSourceSettings,
  type DatasetSettings,
  readSourceSettings,
  type SourceSettings,
  sourceSettingsSchema,
} from "./settings.ts"
export { type RunningSource, startSource } from "./start-source.ts"
