/** The program flatbed-source. */
import { runProgram } from "@flatbed/edge"
import { checkCommand } from "./check.ts"
import { configSchemaCommand, configShowCommand, configValidateCommand } from "./config.ts"
import { discoverCommand } from "./discover.ts"
import { exportCommand } from "./export.ts"
import { initCommand } from "./init.ts"
import { previewCommand } from "./preview.ts"
import { serveCommand } from "./serve.ts"
import { readSourceVersion } from "./source-version.ts"
import { tokenNewCommand } from "./token.ts"

process.exitCode = await runProgram({
  name: "flatbed-source",
  summary: "Serves flat files as versioned, immutable chunks over HTTP.",
  version: readSourceVersion(),
  commands: [
    serveCommand,
    discoverCommand,
    initCommand,
    checkCommand,
    previewCommand,
    exportCommand,
    tokenNewCommand,
    configShowCommand,
    configValidateCommand,
    configSchemaCommand,
  ],
})
