/** For tests: small files, each for one thing that a reader may trip over at a border. Read at every cut and chunk size. */
import type { ColumnType } from "@flatbed/contract"
import type { CsvDialect } from "./csv-dialect.ts"

export type CorpusFile = {
  readonly bytes: Buffer
  readonly dialect: CsvDialect
  readonly types: Readonly<Record<string, ColumnType>>
}

const comma: CsvDialect = { delimiter: ",", quote: '"' }
const file = (bytes: string | Buffer, more: Partial<CorpusFile> = {}): CorpusFile => ({
  bytes: Buffer.from(bytes as string),
  dialect: comma,
  types: {},
  ...more,
})
const withBytes = (...parts: (string | number[])[]) =>
  file(Buffer.concat(parts.map((part) => Buffer.from(part as string))))

export const corpus: Readonly<Record<string, CorpusFile>> = {
  "plain rows": file("a,b\n1,x\n2,y\n3,z\n"),
  CRLF: file("a,b\r\n1,x\r\n2,y\r\n"),
  "both line ends": file("a,b\r\n1,x\n2,y\r\n3,z\n"),
  "no newline at the end": file("a,b\n1,x\n2,y"),
  "CRLF but none at the end": file("a,b\r\n1,x\r\n2,y"),
  "a header alone": file("a,b\n"),
  "a header without newline": file("a,b"),
  "a byte order mark": file("\ufeffa,b\n1,x\n"),
  "a mark before a quoted header": file('\ufeff"a","b"\n1,x\n'),
  "a mark inside a cell": file("a,b\n\ufeff1,x\n2,\ufeff\n"),
  "a quoted header with a newline": file('"a\n1","b"\n1,x\n'),
  "quotes around everything": file('"a","b"\n"1","x"\n"2","y"\n'),
  "doubled quotes": file('a,b\n"x""y","""z"\n"""",""""""\n'),
  "newlines in quotes": file('a,b\n"x\ny",1\n"\n\n",2\n'),
  "CRLF in quotes": file('a,b\r\n"x\r\ny",1\r\n"\r\n",2\r\n'),
  "a bare carriage return in quotes": file('a,b\n"x\ry",1\n'),
  "delimiters in quotes": file('a,b\n",,",1\n"1,2",3\n'),
  "NULL and emptiness": file('a,b\n,""\n"",\n,\n'),
  "one column with blank lines": file('a\n1\n\n""\n2\n'),
  "blank lines at the end": file("a\n1\n\n\n"),
  "a quoted cell at the end of the file": file('a,b\n1,"x"'),
  "two bytes a character": file("ä,b\né,ü\nß,ø\n"),
  "three bytes a character": file("€,b\n€€,日本\n"),
  "four bytes a character": file('a,b\n😀,"😀""😀"\n😀😀,1\n'),
  "escapes of COPY and JSON": file('a,b\n\\N,\\.\n\\,"\\"\n"{""a"":1}",[1]\n'),
  "control characters": file("a,b\n\u0001,\u007f\n\t,\u000b\n"),
  "numbers, dates and booleans": file(
    "i,n,d,t,b\n1,1.5,2024-02-29,2024-02-29T07:00:05Z,true\n-7,.5,2023-01-01,2024-02-29 07:00+01,False\n",
  ),
  "numbers that make a column text": file("a,b\n1,1\n007,2\n1e5,x\n"),
  "semicolons and single quotes": file("a;b\n'x;y';1\n'it''s';\"2\"\n", {
    dialect: { delimiter: ";", quote: "'" },
  }),
  "tabs between cells": file('a\tb\n1\t"x\ty"\n2\t\n', { dialect: { delimiter: "\t", quote: '"' } }),
  "bars and backticks": file("a|b\n`x|y`|1\n```z```|2\n", { dialect: { delimiter: "|", quote: "`" } }),
  "records of another width": file("a,b\n1,x\n2\n3,y,z\n4,w\n"),
  "a blank line between rows of two": file("a,b\n1,x\n\n2,y\n"),
  "cells that break a declared type": file("a,b\n1,x\nhello,y\n2,z\n", { types: { a: "integer" } }),
  "rejects alone": file("a,b\n1\n2\n3\n"),
  "NUL in a cell": file("a,b\n1,x\n2,\0\n3,y\n"),
  "bytes that are no UTF-8": withBytes("a,b\n1,x\n2,", [0xff, 0xe9], "\n3,y\n"),
  "a character cut by the line end": withBytes("a,b\n1,", [0xf0, 0x9f, 0x98], "\n2,y\n"),
  "a surrogate in UTF-8": withBytes("a,b\n1,", [0xed, 0xa0, 0x80], "\n2,", [0xc0, 0x80], "\n"),
  "damage between records, of every kind": file('a,b\n1,x\n2,y"z\n3,w\n"4"v,u\n5,"t\n6,s\r7\n8,"r"\n'),
  "damage at the beginning": file('a,b\n1,"x\n2,y\n3,z\n'),
  "damage at the end": file('a,b\n1,x\n2,"y\nz'),
  "damage that no record follows": file('a,b\n1,x\n2,"y\n3\n4\n5'),
  "damage before a record with lines in quotes": file('a,b\n1,"x\n2,"y\nz"\n3,"w"\n'),
  "a quote that is missing in the middle of quoted lines": file(
    'a,b\n"1","x\ny"\n"2","x\n"3","z\nw"\n"4",v\n',
  ),
  "damage with CRLF": file('a,b\r\n1,"x\r\n2,y"\r\n3,z\r\n4,\r\r\n5,w\r\n'),
  "damage in one column": file('a\n1\n2"\n\n"3\n4\n'),
  "damage among rejects": file('a,b\n1\n2,x"\n3,y,z\n\0,"\n4,w\nhello,"v"u\n', { types: { a: "integer" } }),
  "damage with characters of several bytes": file('ä,b\né,ü"\n€,"😀\nß,ø\n'),
  "a quote open beyond the limit before records": file(`a,b\n1,"x\n${"2,yyyyyyyyyy\n".repeat(40)}3,"z"\n`),
  "damage without a border within the limit": file(`a,b\n1,x"\n${"y\n".repeat(150)}2,z\n`),
  "a quote inside an unquoted cell": file('a,b\n1,x\n2,y"z\n3,w\n'),
  "letters behind a closing quote": file('a,b\n1,x\n"2"y,z\n'),
  "a quote that is never closed": file('a,b\n1,x\n"2,y\n3,z\n'),
  "a bare carriage return outside quotes": file("a,b\n1,x\n2,y\rz\n"),
  "a carriage return at the very end": file("a,b\n1,x\r"),
  "a quote inside the header": file('a,b"c\n1,2\n'),
  "a bare carriage return in the header": file("a,b\rc\n1,2\n"),
  "UTF-16": withBytes([0xff, 0xfe], "a\0,\0b\0\n\0"),
  "a record past the limit": file(`a,b\n1,x\n${"9".repeat(300)},y\n`),
}

/** The limit that one of the files breaks. */
export const corpusRecordLimit = 256
