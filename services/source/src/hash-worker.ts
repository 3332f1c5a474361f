/** The thread that hashes while another reads; see hashing.ts. */
import { parentPort, workerData } from "node:worker_threads"
import type { HashMessage, HashRing } from "./hashing.ts"
import { createPassDigests } from "./pass-digests.ts"

const { memory, slotBytes } = workerData as HashRing
const digests = createPassDigests()

parentPort?.on("message", ({ marks, slot, length }: HashMessage) => {
  if (slot === undefined) {
    parentPort?.postMessage(digests.finish(marks))
    return
  }
  digests.add(Buffer.from(memory, slot * slotBytes, length), marks)
  parentPort?.postMessage(slot)
})
