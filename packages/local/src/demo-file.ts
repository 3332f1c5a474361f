/** The telecom file of `npm start -- --rows`: as many customers as asked for, the same ones each time. */
import { spawn } from "node:child_process"
import { mkdir, open, rename, rm, stat } from "node:fs/promises"
import { join, relative } from "node:path"

export type DemoFile = {
  /** The clone. */
  readonly root: string
  readonly rows: number
  /** Absolute; made when it is missing. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

/** Answers the file's path. A file that an earlier start made is taken as it is: its name says how many rows it has. */
export async function makeDemoFile({ root, rows, folder, signal, note }: DemoFile): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `telecom_${rows}.csv`)
  if ((await stat(path).catch(() => undefined)) !== undefined) return path
  const began = Date.now()
  const half = `${path}.${process.pid}`
  note(`Making ${rows.toLocaleString("en")} customers of a telephone company …`)
  try {
    await generate(join(root, "data", "telecom", "generate.mjs"), rows, half, signal)
    await rename(half, path)
  } finally {
    await rm(half, { force: true })
  }
  const { size } = await stat(path)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  note(`${relative(root, path)}: ${(size / 1e6).toFixed(1)} MB, made in ${seconds} s`)
  return path
}

async function generate(script: string, rows: number, into: string, signal: AbortSignal): Promise<void> {
  const file = await open(into, "w")
  try {
    const args = [script, "--rows", String(rows)]
    const child = spawn(process.execPath, args, { stdio: ["ignore", file.fd, "inherit"], signal })
    await new Promise<void>((resolve, reject) => {
      child.on("error", (error) => reject(signal.aborted ? signal.reason : error))
      child.on("close", (code) => {
        if (code === 0) resolve()
        else reject(signal.aborted ? signal.reason : new Error(`${script} ended with exit code ${code}`))
      })
    })
  } finally {
    await file.close()
  }
}
