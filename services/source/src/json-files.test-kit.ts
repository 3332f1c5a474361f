/** For tests: small JSON files, each for one thing that a reader may trip over at a border. Read at every cut and chunk size. */
import type { JsonCase } from "./json-file.test-kit.ts"

type Given = string | Buffer | readonly (string | readonly number[])[]
type More = Omit<JsonCase, "format" | "bytes">

const bytesOf = (given: Given): Buffer =>
  typeof given === "string" || Buffer.isBuffer(given)
    ? Buffer.from(given as string)
    : Buffer.concat(given.map((part) => Buffer.from(part as string)))

const json = (given: Given, more: More = {}): JsonCase => ({
  ...{ format: "json", bytes: bytesOf(given), maxRecordBytes: jsonRecordLimit },
  ...more,
})
const lines = (given: Given, more: More = {}): JsonCase => ({ ...json(given, more), format: "ndjson" })

/** The limit that some of the files break. */
export const jsonRecordLimit = 256

const movies =
  '[{"id":1,"m":[{"t":"A"},{"t":"B"},{}]},{"id":2,"m":[]},{"id":3},{"m":[7,null,{"t":"C"}],"id":4}]'

export const jsonFiles: Readonly<Record<string, JsonCase>> = {
  "plain records": json('[{"a":1,"b":"x"},{"a":2,"b":"y"},{"a":3,"b":"z"}]'),
  "a line for each record": json('[\n{"a":1},\n{"a":2},\n{"a":3}\n]\n'),
  "CRLF and the comma in front": json('[\r\n {"a":1}\r\n ,{"a":2}\r\n ,{"a":3}\r\n]\r\n'),
  "whitespace everywhere": json(' [ { "a" : 1 , "b" : [ 1 , 2 ] } ,\n\t{ "a" : null } ] \n\n'),
  "records of many lines": json(
    '[\n  {\n    "a": 1,\n    "b": {\n      "c": "x\\ny"\n    }\n  },\n  {\n    "a": 2\n  }\n]\n',
  ),
  "a byte order mark": json('\ufeff[{"a":1},{"a":2}]'),
  "one object": json('{"a":1,"b":{"c":[]}}\n'),
  "one object of many lines": json('\n{\n"a":1\n}\n\n'),
  "no record": json("[]"),
  "no record, with whitespace": json(" [ \n ] \n"),
  "records without keys": json("[{},{}]"),
  "a record without keys among others": json('[{},{"a":1},{}]'),
  "keys that come and go": json('[{"a":1},{"b":2},{"c":3,"a":4},{"b":null,"d":{"e":5}}]'),
  "records below a pointer": json('{"n":[{"a":0}],"data":[{"a":1},{"a":2}],"total":2.0}\n', {
    records: "/data",
  }),
  "records below an index and a key": json('[[{"a":0}],{"x":"]","r/s":[{"a":1},{"a":2}]},[3]]', {
    records: "/1/r~1s",
  }),
  "one record below a pointer": json('{"a":{"a":0},"b":{"a":1},"c":{"a":2}}', { records: "/b" }),
  "a pointer that leads nowhere": json('{"data":[{"a":1}]}', { records: "/rows" }),
  "a pointer to a number": json('{"data":{"n":17}}', { records: "/data/n" }),
  "a pointer to a string": json('{"data":"[{}]"}', { records: "/data" }),
  "a pointer past the end of an array": json('[[{"a":1}]]', { records: "/1" }),
  "strings with brackets, commas and quotes": json('[{"a":"}],{"},{"a":"\\"]"},{"a":"\\\\"},{"b\\"":"[{"}]'),
  "every escape": json('[{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\ud83d\\ude00"},{"a":"\\\\u0041"}]'),
  "keys with escapes": json('[{"\\u0061":1,"b\\nc":2},{"a":3,"b\\u000ac":4}]'),
  "characters of several bytes": json('[{"ä":"é€😀"},{"ä":"日本","名前":"😀"}]'),
  "empty text and NULL": json('[{"a":"","b":null},{"a":null,"b":""}]'),
  "literals and numbers": json('[{"a":true,"b":-0,"c":1e400},{"a":false,"b":1.10,"c":12345678901234567890}]'),
  "dates in strings": json(
    '[{"d":"2024-02-29","t":"2024-02-29T07:00:05Z"},{"d":"2023-01-01","t":"2024-02-29 07:00Z"}]',
  ),
  "numbers in strings": json('[{"a":"1","b":"true"},{"a":2,"b":false}]'),
  "nested beside scalars": json('[{"a":1},{"a":[1, 2]},{"a":"x"},{"a":null},{"a":{"b":3}}]', {
    flatten: false,
  }),
  "objects at several depths": json('[{"a":{"b":{"c":1},"d":null}},{"a":null},{"a":{"d":{"e":[]}}}]'),
  "another separator": json('[{"a":{"b":1}},{"a_b":2}]', { flatten: { separator: "." } }),
  "two ways to one name": json('[{"a":{"b":1}},{"a_b":2}]'),
  "an array that is exploded": json(movies, { explode: "m" }),
  "an array that is exploded and not flattened": json(movies.replaceAll('"t":"C"', '"t":{"u":[]}'), {
    ...{ explode: "m", flatten: false },
  }),
  "an array within an object that is exploded": json(
    '[{"a":{"x":1,"m":[1,2]},"y":2},{"a":null},{"a":{"m":[]}}]',
    {
      explode: "a.m",
    },
  ),
  "an object where an array is exploded": json('[{"m":[1]},{"m":{"x":1}},{"m":2},{"m":"x"},{"m":null}]', {
    explode: "m",
  }),
  "elements that a filter leaves out": json(movies, {
    ...{ explode: "m", columns: { filter: { m_t: { ne: "A", null: true } } } },
  }),
  "elements that break a declared type": json('[{"m":[1,"x",3]},{"m":["y"]},{"m":[4]}]', {
    ...{ explode: "m", columns: { types: { m: "integer" } } },
  }),
  "cells that break a declared type": json('[{"a":1},{"a":"x"},{"a":[]},{"a":2.5},{"a":3}]', {
    columns: { types: { a: "integer" } },
  }),
  "cleaned cells, dropped and renamed columns": json('[{"a":" x ","b":1,"c":{"d":"Y"}},{"a":"z","b":2}]', {
    columns: { clean: { a: ["trim"] }, drop: ["b"], rename: { c_d: "e" } },
  }),
  "records that are no objects": json('[{"a":1},2,"x",null,[],[{"a":3}],{"a":4},true]'),
  "nothing but what is no object": json("[1,2,3]"),
  "a key twice": json('[{"a":1},{"a":2,"a":3},{"a":4}]'),
  "a key twice, one of them escaped, deep down": json('[{"a":1},{"b":[{"c":1,"\\u0063":2}]},{"a":4}]'),
  "half a surrogate pair": json('[{"a":1},{"a":"\\ud83d"},{"a":2}]'),
  "NUL, escaped": json('[{"a":1},{"a":["\\u0000"]},{"\\u0000":1},{"a":2}]'),
  "bytes that are no UTF-8": json(['[{"a":1},{"a":"', [0xff, 0xe9], '"},{"', [0xc3], '":1},{"a":2}]']),
  "a character cut by a quote": json(['[{"a":"', [0xf0, 0x9f, 0x98], '"},{"a":2}]']),
  "too deep": json(`[{"a":1},{"a":${"[".repeat(100)}${"]".repeat(100)}},{"a":2}]`),
  "a comma behind the last record": json('[{"a":1},{"a":2},]'),
  "two commas": json('[{"a":1},,{"a":2}]'),
  "no comma": json('[{"a":1}{"a":2}]'),
  "a syntax error in the second record": json('[{"a":1},\n{"a":tru},\n{"a":2}]'),
  "a bad escape": json('[{"a":1},{"a":"\\x"}]'),
  "a control character": json('[{"a":1},{"a":"x\ny"}]'),
  "a number with a leading zero": json('[{"a":1},{"a":01}]'),
  "never closed": json('[{"a":1},{"a":2}'),
  "a record never closed": json('[{"a":1},{"a":2,"b":[1'),
  "a string never closed": json('[{"a":1},{"a":"x},{"a":2}]'),
  "closed twice": json('[{"a":1}]]'),
  "something behind the array": json('[{"a":1}]\nx'),
  "something wrong before the records": json('{"x":[1,],"data":[{"a":1}]}', { records: "/data" }),
  "something wrong behind the records": json('{"data":[{"a":1}],"x":01}', { records: "/data" }),
  "a second object": json('{"a":1}\n{"a":2}\n'),
  "whitespace alone": json(" \n\n "),
  "a byte order mark alone": json("\ufeff"),
  "text that is no JSON": json("a,b\n1,2\n"),
  "a record past the limit": json(`[{"a":1},{"a":"${"x".repeat(300)}"},{"a":2}]`),
  "whitespace past the limit": json(`[{"a":1},${" ".repeat(300)}{"a":2}]`),
  "UTF-16": json([[0xff, 0xfe], "[\0]\0"]),

  lines: lines('{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n{"a":3,"b":"z"}\n'),
  "lines without the last line end": lines('{"a":1}\n{"a":2}'),
  "CRLF lines": lines('{"a":1}\r\n{"a":2}\r\n'),
  "both line ends": lines('{"a":1}\r\n{"a":2}\n{"a":3}\r\n'),
  "CRLF but none at the end": lines('{"a":1}\r\n{"a":2}'),
  "blank lines": lines('\n\r\n{"a":1}\n\n  \t\n{"a":2}\n\n\n'),
  "spaces around records": lines(' {"a":1} \n\t{"a" : 2}\t\r\n'),
  "a mark before lines": lines('\ufeff{"a":1}\n{"a":2}\n'),
  "a mark on the second line": lines('{"a":1}\n\ufeff{"a":2}\n{"a":3}\n'),
  "lines of several bytes a character": lines('{"ä":"é€😀"}\n{"ä":"日本"}\n'),
  "escapes in lines": lines('{"a":"\\"\\n\\u0041"}\n{"a":"\\\\"}\n'),
  "broken lines": lines('{"a":1}\n{"a":tru}\n{"a":\n2}\n{"a":3},\n{"a":4}\n'),
  "a broken first line": lines('{"a":1\n{"a":2}\n'),
  "a broken last line": lines('{"a":1}\n{"a":2'),
  "a string over two lines": lines('{"a":"x\ny"}\n{"a":2}\n'),
  "two records on a line": lines('{"a":1}{"a":2}\n{"a":3}\n'),
  "an array of records on a line": lines('[{"a":1},{"a":2}]\n{"a":3}\n'),
  "lines that are no objects": lines('1\n"x"\nnull\n[]\n{"a":4}\n'),
  "nothing but broken lines": lines("x\ny\n"),
  "lines of each fault": lines([
    '{"a":1}\n{"a":1,"a":2}\n{"a":"\\udc00"}\n{"a":"\\u0000"}\n{"a":"',
    [0xff],
    '"}\n{"a":"x\ty"}\n{"a":2}\n',
  ]),
  "exploded lines": lines('{"id":1,"m":[{"t":"A"},{"t":"B"}]}\n\n{"id":2,"m":[]}\n{"m":3}\n{"id":4}\n', {
    explode: "m",
  }),
  "filtered lines": lines('{"a":1}\n{"a":2}\n{"a":3}\n', {
    columns: { types: { a: "integer" }, filter: { a: { ne: "2" } } },
  }),
  "blank lines alone": lines("\n\n \n"),
  "a line past the limit": lines(`{"a":1}\n{"a":"${"x".repeat(300)}"}\n{"a":2}\n`),
  "blank lines past the limit": lines(`{"a":1}\n${"\n".repeat(300)}{"a":2}\n`),
}
