import { byteReader } from "./byte-reader.ts"
import { describeFormat } from "./describe-format.ts"

describeFormat("bytes", byteReader)
