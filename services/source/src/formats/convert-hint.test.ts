// If this fails, the setting that is to make text of a file from Windows is refused, or makes other letters of it.
import { expect, it, onTestFinished } from "vitest"
import { openTestFolder } from "../source.test-kit.ts"
import { convertHint } from "./convert-hint.ts"

it("the setting that is named for a file from Windows makes text of it", async () => {
  const folder = await openTestFolder(Buffer.from("id,name\n1,caf\u00e9 \x80\n", "latin1"))
  onTestFinished(() => folder.close())
  const encoding = /dialect: \{ encoding: (.*?) \}/.exec(convertHint("t.csv"))?.[1]
  const source = await folder.open({ datasets: { t: { files: "t.csv", dialect: { encoding } } } })
  await source.settled()
  expect((await source.get("/v1/datasets/t/chunks/1")).json()).toEqual([{ id: 1, name: "café €" }])
})
