// One connection, statements one by one; the rows of the last one out.
import pg from "pg"

const [url, ...statements] = process.argv.slice(2)
const client = new pg.Client({ connectionString: url })
await client.connect()
let rows = []
for (const text of statements) rows = (await client.query(text)).rows
console.log(JSON.stringify({ event: "rows", rows }))
await client.end()
