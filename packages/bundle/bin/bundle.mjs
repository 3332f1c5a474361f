/** One file of many modules. Plain JavaScript: it is part of the build. */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { build } from "rolldown"

/**
 * Bundles `input` and what it imports into `output`, both below the folder `room`, unless that is what they were made
 * into already. What is imported only when it is needed becomes files beside it, so what `import.meta.url` names is
 * looked for from there. `external` packages stay imports. `sources`, files or folders of JavaScript, decide whether
 * anything changed.
 */
export async function bundle({ room, input, output, sources, external = [], plugins = [] }) {
  const name = basename(output, ".js")
  const [made, stamp] = [join(room, output), join(room, dirname(output), `${name}.sha256`)]
  const wanted = digest(sources.map((source) => join(room, source)).flatMap(filesOf), made)
  if (existsSync(made) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  // Pieces of the last one that this one does not have would stay for ever.
  const folder = dirname(made)
  if (existsSync(folder))
    for (const file of readdirSync(folder)) if (file.startsWith(`${name}.`)) rmSync(join(folder, file))
  await build({
    cwd: room,
    input: { [name]: input },
    platform: "node",
    logLevel: "silent",
    external,
    plugins,
    output: {
      dir: dirname(output),
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: `${name}.[name].js`,
    },
  })
  writeFileSync(stamp, wanted)
}

function filesOf(source) {
  if (!existsSync(source) || /\.[a-z]+$/.test(source)) return [source]
  const names = readdirSync(source, { recursive: true }).filter((name) => name.endsWith(".js"))
  return names.sort().map((name) => join(source, name))
}

function digest(files, made) {
  const hash = createHash("sha256")
  const own = made.slice(0, -"js".length)
  for (const file of files.filter((file) => !file.startsWith(own)))
    hash.update(`${file}\0`).update(readFileSync(file))
  return hash.digest("hex")
}
