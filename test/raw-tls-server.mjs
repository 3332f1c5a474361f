// A server that speaks TLS and nothing else. It says who connected and every byte it was sent.
import { readFileSync } from "node:fs"
import { createServer } from "node:tls"

const [certificate, key, port] = process.argv.slice(2)
const say = (event, fields = {}) => console.log(JSON.stringify({ event, ...fields }))
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (socket) => {
  socket.on("error", () => undefined)
  socket.on("data", (bytes) => {
    say("received", { text: bytes.toString("latin1") })
    socket.end()
  })
})
server.on("connection", () => say("connected"))
server.on("tlsClientError", () => undefined)
server.listen(Number(port), () => say("listening"))
