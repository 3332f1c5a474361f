/**
 * Where a pass over a file reads to, and who hashes it: for a large file another thread, since hashing takes as long as
 * scanning on processors without instructions for it.
 */
import { Worker } from "node:worker_threads"
import { createPassDigests, type Digests, type PassMarks } from "./pass-digests.ts"
import { keepHeapSmall } from "./small-heap.ts"

/** The slots that both threads see. */
export type HashRing = { readonly memory: SharedArrayBuffer; readonly slotBytes: number }
/** Bytes in a slot, or what was found out after the last of them. */
export type HashMessage = { readonly marks: PassMarks; readonly slot?: number; readonly length?: number }

export type Hashing = {
  /** A buffer for the next bytes, once there is one that is hashed. */
  room(): Promise<Buffer>
  /** The first so many bytes of it are the file's next; it must not be touched any more. */
  add(length: number, marks: PassMarks): void
  /** After the last bytes. */
  finish(marks: PassMarks): Promise<Digests>
  /** Ends it, finished or not. */
  end(): Promise<void>
}

// Large enough to be few reads, small enough that requests are answered between two.
const slotBytes = 256 * 1024
const slots = 4
// A thread starts in as much time as it takes to hash so much.
const worthAThread = 8 * 1024 * 1024

/** Hashing for a file of so many bytes. */
export function openHashing(bytes: number): Hashing {
  return bytes < worthAThread ? hashHere(Math.min(bytes, slotBytes)) : hashBeside()
}

function hashHere(bytes: number): Hashing {
  const buffer = Buffer.allocUnsafe(bytes)
  const digests = createPassDigests()
  return {
    room: async () => buffer,
    add: (length, marks) => digests.add(buffer.subarray(0, length), marks),
    finish: async (marks) => digests.finish(marks),
    end: async () => {},
  }
}

function hashBeside(): Hashing {
  const ring: HashRing = { memory: new SharedArrayBuffer(slots * slotBytes), slotBytes }
  // From the sources and from the output, the way is the same.
  const worker = new Worker(new URL("../dist/hash-worker.js", import.meta.url), {
    workerData: ring,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  })
  let free = Array.from({ length: slots }, (_, slot) => slot)
  let current = 0
  let digests: Digests | undefined
  let failure: unknown
  let wake = () => {}

  worker.once("online", keepHeapSmall)
  worker.on("message", (message: number | Digests) => {
    if (typeof message === "number") free.push(message)
    else digests = message
    wake()
  })
  worker.on("error", (error) => {
    failure = error
    wake()
  })
  worker.on("exit", () => {
    failure ??= new Error("the thread that hashes has ended")
    wake()
  })

  async function until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      if (failure !== undefined) throw failure
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  return {
    async room() {
      await until(() => free.length > 0)
      current = free[0] as number
      free = free.slice(1)
      return Buffer.from(ring.memory, current * slotBytes, slotBytes)
    },
    add(length, marks) {
      worker.postMessage({ slot: current, length, marks } satisfies HashMessage)
    },
    async finish(marks) {
      worker.postMessage({ marks } satisfies HashMessage)
      await until(() => digests !== undefined)
      return digests as Digests
    },
    end: async () => {
      await worker.terminate()
    },
  }
}
