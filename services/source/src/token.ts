/** The command `token new`: a fresh token, once, and the line that lets it in. */
import { randomBytes } from "node:crypto"
import { Problem } from "@flatbed/contract"
import type { Command, CommandContext } from "@flatbed/edge"
import { hashToken } from "./http/guard.ts"
import { tokenNamePattern } from "./settings.ts"

// The prefix lets secret scanners find a token that was committed by mistake.
const prefix = "flatbed_"
const secretBytes = 32
const standardName = "loader"

/** Writes nothing anywhere: the token is on stdout and nowhere else. */
export const tokenNewCommand: Command = {
  name: "token new",
  summary: "make a bearer token, and the line of source.yaml that lets it in",
  options: [{ flag: "--name <name>", summary: `who will have it; ${standardName} unless told` }],
  examples: ["flatbed-source token new", "flatbed-source token new --name warehouse"],
  run: printToken,
}

async function printToken({ options, print, note }: CommandContext): Promise<void> {
  const name = readName(options.name ?? standardName)
  const token = prefix + randomBytes(secretBytes).toString("base64url")
  const sha256 = hashToken(token)
  note(
    "The token is shown only now. Give it to the loader (source.token in loader.yaml, best through an environment variable).\n" +
      "The line after it belongs under auth.tokens in source.yaml; a second line of the same name keeps the\n" +
      "token before valid until its line is removed. Name the datasets it may read instead of * if not all.\n" +
      "Then start the source again.",
  )
  print({ name, token, sha256 }, `${token}\n- { name: ${name}, sha256: "${sha256}", datasets: ["*"] }`)
}

function readName(written: unknown): string {
  if (typeof written === "string" && new RegExp(tokenNamePattern).test(written)) return written
  throw new Problem("usage-invalid", `--name is ${JSON.stringify(written)}, which cannot name a token.`, {
    hint: "Use letters, digits, dots, hyphens and underscores, beginning with a letter or digit.",
  })
}
