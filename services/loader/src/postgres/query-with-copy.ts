/** Several statements in one round trip, a COPY … FROM STDIN among them. */
import pg from "pg"
import type { Session } from "./database.ts"

/**
 * Sends the statements together (Postgres manual, 54.2.2.1, "Multiple Statements in a Simple Query") and answers their
 * results in order. One of them is a COPY from stdin in the text format, and gets `body`; those behind it see its rows.
 * After the first statement that fails none is run, and its error is thrown.
 *
 * The rows follow the message at once. Asked for by Postgres' CopyInResponse they would cost one more round trip; where
 * a statement before the COPY fails, Postgres drops them (54.2.6, "COPY Operations").
 */
export async function queryWithCopy(
  session: Session,
  statements: readonly string[],
  body: Buffer,
): Promise<pg.QueryResult[]> {
  return await new Promise((resolve, reject) => {
    const query = new pg.Query(
      statements.join(";\n"),
      (error, results: pg.QueryResult | pg.QueryResult[]) => {
        if (error) reject(error)
        else resolve(Array.isArray(results) ? results : [results])
      },
    )
    const submit = query.submit.bind(query)
    query.submit = (connection) => {
      const { stream } = connection
      // One write, so that Postgres never sees the COPY without its rows.
      stream.cork()
      const refused = submit(connection)
      for (const part of [copyData(body.length), body, copyDone]) stream.write(part)
      stream.uncork()
      return refused
    }
    // The driver answers CopyInResponse with a failure, since it knows of no rows to send.
    session.query(Object.assign(query, { handleCopyInResponse: () => undefined }))
  })
}

/** The head of a message with so many bytes of rows (54.7, "CopyData"). */
function copyData(length: number): Buffer {
  const head = Buffer.from([0x64, 0, 0, 0, 0])
  head.writeUInt32BE(length + 4, 1)
  return head
}

const copyDone = Buffer.from([0x63, 0, 0, 0, 4])
