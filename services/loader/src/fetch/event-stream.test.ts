// If this file fails, an announcement that arrives in pieces, or beside others, is lost or taken for another.
import { expect, test } from "vitest"
import { readEvents } from "./event-stream.ts"

const version = (digit: string) => digit.repeat(64)
const data = (dataset: string, digit: string) =>
  JSON.stringify({ dataset, version: version(digit), rows: 3, published_at: "2026-01-02T03:04:05Z" })

async function* pieces(...parts: Uint8Array[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}

async function read(...parts: (string | Uint8Array)[]): Promise<string[]> {
  const found: string[] = []
  for await (const event of readEvents(pieces(...parts.map((part) => Buffer.from(part as string))))) {
    found.push(`${event.dataset} ${event.version[0]}`)
  }
  return found
}

// What each stream announces by the rules of WHATWG HTML, 9.2.6 "Interpreting an event stream".
const streams: [string, string, string[]][] = [
  ["one event", `event: version.published\nid: 1\ndata: ${data("a", "1")}\n\n`, ["a 1"]],
  ["lines ended by CRLF", `event: version.published\r\ndata: ${data("a", "1")}\r\n\r\n`, ["a 1"]],
  ["lines ended by CR", `event: version.published\rdata: ${data("a", "1")}\r\rx: y\r`, ["a 1"]],
  ["no blank after the colon", `event:version.published\ndata:${data("a", "1")}\n\n`, ["a 1"]],
  ["fields in another order", `data: ${data("a", "1")}\nid: 7\nevent: version.published\n\n`, ["a 1"]],
  ["a byte order mark", `\ufeffevent: version.published\ndata: ${data("a", "1")}\n\n`, ["a 1"]],
  [
    "comments and retry between events",
    `retry: 1000\n\n: heartbeat\n\nevent: version.published\n: in between\ndata: ${data("a", "1")}\n\n:\n\n` +
      `event: version.published\ndata: ${data("b", "2")}\n\n`,
    ["a 1", "b 2"],
  ],
  [
    "data over several lines",
    `event: version.published\n${JSON.stringify(JSON.parse(data("a", "1")), null, 1).replace(/^/gm, "data: ")}\n\n`,
    ["a 1"],
  ],
  ["an event of another name", `event: later\ndata: ${data("a", "1")}\n\n`, []],
  ["an event without a name", `data: ${data("a", "1")}\n\n`, []],
  ["an event without data", "event: version.published\n\n", []],
  ["an event that is not complete", `event: version.published\ndata: ${data("a", "1")}\n`, []],
  ["unknown fields", `event: version.published\ncolour: red\ndata: ${data("a", "1")}\nx\n\n`, ["a 1"]],
  [
    "more keys than the contract has",
    `event: version.published\ndata: ${data("a", "1").replace("{", '{"new":"é"\u002c')}\n\n`,
    ["a 1"],
  ],
]

test.each(streams)("%s, whole and cut at every byte", async (_name, text, announced) => {
  const bytes = Buffer.from(text)
  expect(await read(bytes)).toEqual(announced)
  for (let at = 1; at < bytes.length; at++) {
    expect(await read(bytes.subarray(0, at), bytes.subarray(at)), `cut at ${at}`).toEqual(announced)
  }
  expect(await read(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(announced)
})

test.each([
  ["is not JSON", "event: version.published\ndata: hello\n\n"],
  ["lacks a version", 'event: version.published\ndata: {"dataset":"a"}\n\n'],
  [
    "has a version that is none",
    `event: version.published\ndata: ${data("a", "1").replace("1111", "zzzz")}\n\n`,
  ],
])("data that %s is damage", async (_name, text) => {
  await expect(read(text)).rejects.toMatchObject({ code: "chunk-damaged", retryable: true })
})

test("an event that does not end is damage, not memory", async () => {
  const kilobyte = "x".repeat(1024)
  const endless = async function* () {
    yield Buffer.from("data: ")
    for (;;) yield Buffer.from(kilobyte)
  }
  const reading = readEvents(endless()).next()
  await expect(reading).rejects.toMatchObject({ code: "chunk-damaged" })
})
