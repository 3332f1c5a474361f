/** How this server can tell which rows of a refused COPY it would take. Pure. */

/**
 * - `on-error-ignore`: COPY leaves out rows whose cells do not convert (Postgres 17, COPY, ON_ERROR).
 * - `input-check`: cells arrive as text and are asked about with pg_input_is_valid (Postgres 16, 9.27.9).
 * - `trial-assignment`: cells arrive as text and are assigned one by one in a DO block that catches the error:
 *   Postgres 15 has nothing else that needs no superuser and leaves no function behind.
 */
export type RepairWay = "on-error-ignore" | "input-check" | "trial-assignment"

/** `serverVersion` as server_version_num writes it: 150004 is 15.4. */
export function chooseRepairWay(serverVersion: number): RepairWay {
  if (serverVersion >= 170_000) return "on-error-ignore"
  return serverVersion >= 160_000 ? "input-check" : "trial-assignment"
}
