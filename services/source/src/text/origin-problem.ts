/** What a file is refused for, found in its text and told of by the file's own bytes and offsets. */
import { Problem } from "@flatbed/contract"
import type { Encoding } from "./encodings.ts"
import { lengthInText, rebuildOrigin } from "./origin.ts"
import { findOriginOffsets } from "./origin-offsets.ts"

const longestCharacter = 4

/** The problem with its place in the file; as it is where it has none. */
export async function placeProblemInOrigin(
  problem: Problem,
  encoding: Encoding,
  read: (into: Buffer, offset: number) => Promise<number>,
): Promise<Problem> {
  const { byte: inText } = problem.facts
  if (encoding === "utf-8" || typeof inText !== "number") return problem
  const [byte = inText] = await findOriginOffsets(read, encoding, [inText])
  if (problem.code !== "file-encoding") return withFacts(problem, problem.message, { byte })
  const buffer = Buffer.alloc(longestCharacter)
  const found = buffer.subarray(0, await read(buffer, inText))
  const value = `0x${rebuildOrigin(found.subarray(0, lengthInText(found[0] ?? 0)), encoding).toString("hex")}`
  const { file = "", line = 1 } = problem.facts
  const message = `The header of ${file} is not ${encoding}: byte ${byte} (${value}) on line ${line} is no character of its own.`
  const hint = `Mend these bytes, or say in the dataset's dialect.encoding what they are, if they are not ${encoding}.`
  return withFacts(problem, message, { byte, value }, hint)
}

function withFacts(
  problem: Problem,
  message: string,
  facts: Problem["facts"],
  hint: string | undefined = problem.hint,
): Problem {
  const { code } = problem
  return new Problem(code, message, {
    ...(hint === undefined ? {} : { hint }),
    facts: { ...problem.facts, ...facts },
    cause: problem,
  })
}
