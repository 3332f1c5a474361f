export { createLog, type Log, type LogLevel, logLevels } from "./log.ts"
export { maskSecrets } from "./mask-secrets.ts"
export type { Command, CommandContext, Program } from "./program.ts"
export { runProgram } from "./run-program.ts"
