import { csvParseReader } from "./csv-parse.ts"
import { describeFormat } from "./describe-format.ts"

describeFormat("csv-parse", csvParseReader)
