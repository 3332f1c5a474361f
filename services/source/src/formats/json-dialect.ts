/** How a JSON file is built, and what becomes of what is nested. */

export type JsonDialect = {
  /** Each line is a record (NDJSON); otherwise the file is one JSON text. */
  readonly lines?: true
  /** The keys and indexes on the way to the records, of a JSON text; none for the text itself. */
  readonly records: readonly string[]
  /** What stands between the keys of objects that are taken apart; false where objects stay JSON. */
  readonly separator: string | false
  /** The keys on the way to the array whose elements make rows. */
  readonly explode?: readonly string[]
  /** Of a layout: what the records' places are, by the numbers of the cells. */
  readonly places?: readonly (readonly string[])[]
  /** Of a layout: objects that were taken apart and held no place, in any record. */
  readonly bareObjects?: readonly (readonly string[])[]
  /** Of a layout: the text has one record, an object, where others have an array. */
  readonly isOne?: true
  /** Of a layout: the file has records, and none of them has anything at `explode`. */
  readonly isUnexploded?: true
}
