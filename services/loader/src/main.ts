/** The program `flatbed-loader`: the table of its commands. */
import { runProgram } from "@flatbed/edge"
import { columnsCommand } from "./commands/columns.ts"
import { configSchemaCommand, configShowCommand, configValidateCommand } from "./commands/config.ts"
import { explainCommand } from "./commands/explain.ts"
import { rejectsExportCommand } from "./commands/export-rejects.ts"
import { initCommand } from "./commands/init.ts"
import { loadCommand } from "./commands/load.ts"
import { modelsListCommand, modelsRunCommand } from "./commands/models.ts"
import { planCommand } from "./commands/plan.ts"
import { rejectsListCommand, rejectsShowCommand } from "./commands/rejects.ts"
import { reportCommand } from "./commands/report.ts"
import { resetCommand } from "./commands/reset.ts"
import { runsListCommand, runsShowCommand } from "./commands/runs.ts"
import { startCommand } from "./commands/start.ts"
import { statusCommand } from "./commands/status.ts"
import { verifyCommand } from "./commands/verify.ts"
import { readVersion } from "./own-files.ts"

process.exitCode = await runProgram({
  name: "flatbed-loader",
  summary: "Pulls chunks from a source, proves them, and publishes them in Postgres",
  version: await readVersion(),
  commands: [
    initCommand,
    planCommand,
    loadCommand,
    startCommand,
    statusCommand,
    verifyCommand,
    explainCommand,
    runsListCommand,
    runsShowCommand,
    rejectsListCommand,
    rejectsShowCommand,
    rejectsExportCommand,
    columnsCommand,
    modelsListCommand,
    modelsRunCommand,
    reportCommand,
    resetCommand,
    configShowCommand,
    configValidateCommand,
    configSchemaCommand,
  ],
})
