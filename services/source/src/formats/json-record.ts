/**
 * Pure: one JSON record to the places of its cells in the bytes, without an object or a string per cell.
 *
 * Long because it is the hot path of a format: the loop that takes objects apart shares its state with what it calls.
 * It says no more than that something is wrong; json-walk.ts says what.
 */
import { isUtf8 } from "node:buffer"
import {
  closeArray,
  closeObject,
  colon,
  comma,
  flags,
  openArray,
  openObject,
  quote,
  readString,
  readWord,
  skipSpace,
  type Token,
} from "./json-bytes.ts"
import { createNode, type PathNode } from "./json-paths.ts"
import { maxDepth, maxKeys, readText } from "./json-walk.ts"

/** What a cell is, as it is written; `none` where the record has nothing. */
export const kinds = { none: 0, null: 1, number: 2, boolean: 3, string: 4, escaped: 5, nested: 6 } as const

export type RecordRules = {
  /** Whether objects in objects are taken apart. */
  readonly flatten: boolean
  /** The keys to the array whose elements become rows. */
  readonly explode?: readonly string[] | undefined
  /** The places of the cells that are asked for, by their numbers; left out, every place that is met gets one. */
  readonly places?: readonly (readonly string[])[] | undefined
}

/** How a record was read; `faulty` is what json-walk.ts or UTF-8 finds fault with. */
export type RecordOutcome = "fine" | "faulty" | "not-object" | "not-array"

// In `trouble`, beside the flags of strings: well-formed, and still no record.
const refused = 16
const troubles = flags.nul | flags.halfPair | refused
const longestKept = 256
// Where a record is too deep or has too many keys nothing more is gathered: it may be nothing but brackets, or keys.
const beyond = -1

/** Reads one record after the other; what it tells of is of the last one. */
export type RecordReader = ReturnType<typeof createRecordReader>

export function createRecordReader({ flatten, explode, places }: RecordRules) {
  const root = createNode("", undefined)
  const learns = places === undefined
  const token: Token = { flags: 0 }
  /** The places of values, by their numbers. */
  const paths: PathNode[] = []
  const cells = {
    stamps: new Float64Array(64),
    kinds: new Uint8Array(64),
    starts: new Int32Array(64),
    ends: new Int32Array(64),
    /** Whether a record had something else than null there. */
    valued: new Uint8Array(64),
  }
  // What the record brought that none before it had.
  const newPaths: PathNode[] = []
  const newNodes: PathNode[] = []
  const newObjects: PathNode[] = []
  const newValued: number[] = []
  const elements: number[] = []
  let recordStamp = 0
  let rowStamp = 0
  let stamp = 0
  let instance = 0
  let keys = 0
  let seen = 0
  let trouble = 0
  let isExploded = false
  let arrayBytes = 0
  let notArray = false
  let recordEnd = 0
  // The objects that the one under way stands in.
  const nodes: PathNode[] = []
  const befores: (PathNode | undefined)[] = []
  const instances: number[] = []

  places?.forEach((path, id) => {
    const node = plant(path)
    node.id = id
    paths.push(node)
    if (id >= cells.stamps.length) grow()
  })
  const explodedNode = explode === undefined ? undefined : plant(explode)
  for (let node = explodedNode?.parent; node !== undefined; node = node.parent) node.leads = true

  function plant(path: readonly string[]): PathNode {
    let node = root
    for (const key of path) {
      const child = node.children.get(key) ?? createNode(key, node)
      node.children.set(key, child)
      node = child
    }
    return node
  }

  function grow(): void {
    const size = cells.stamps.length * 2
    const { stamps, kinds, starts, ends, valued } = cells
    cells.stamps = new Float64Array(size)
    cells.stamps.set(stamps)
    cells.kinds = new Uint8Array(size)
    cells.kinds.set(kinds)
    cells.starts = new Int32Array(size)
    cells.starts.set(starts)
    cells.ends = new Int32Array(size)
    cells.ends.set(ends)
    cells.valued = new Uint8Array(size)
    cells.valued.set(valued)
  }

  function setCell(node: PathNode, kind: number, from: number, to: number): void {
    let { id } = node
    if (id === -1) {
      if (!learns) return
      id = paths.length
      node.id = id
      paths.push(node)
      newPaths.push(node)
      if (id >= cells.stamps.length) grow()
    }
    cells.stamps[id] = stamp
    cells.kinds[id] = kind
    cells.starts[id] = from
    cells.ends[id] = to
    if (kind !== kinds.null && cells.valued[id] === 0) {
      cells.valued[id] = 1
      newValued.push(id)
    }
  }

  /** The node of a key that is not the one expected. */
  function findChild(
    bytes: Buffer,
    node: PathNode,
    before: PathNode | undefined,
    from: number,
    to: number,
  ): PathNode {
    const key = readText(bytes, from, to)
    let child = node.children.get(key)
    if (child === undefined) {
      child = createNode(key, node)
      node.children.set(key, child)
      newNodes.push(child)
    }
    // What has to be looked at again each time, such as ill-formed UTF-8, is not recognized by its bytes.
    const isSound = (token.flags & troubles) === 0 && isUtf8(bytes.subarray(from, to))
    if (to - from <= longestKept && isSound) child.raw = Uint8Array.prototype.slice.call(bytes, from, to)
    if (before === undefined) node.first = child
    else before.next = child
    return child
  }

  function noteString(): void {
    seen |= token.flags
    trouble |= token.flags & troubles
  }

  /** A value that stays JSON: an array, or an object that is not taken apart. Its end, or −1 when it is none. */
  function passNested(bytes: Buffer, from: number, to: number, above: number): number {
    const arrays: boolean[] = []
    const known: (Set<string> | undefined)[] = []
    let at = from
    for (;;) {
      if (at >= to) return -1
      const byte = bytes[at] as number
      let isOpen = false
      if (byte === openObject || byte === openArray) {
        if (above + arrays.length >= maxDepth) return beyond
        const isArray = byte === openArray
        at = skipSpace(bytes, at + 1, to)
        if (at < to && bytes[at] === (isArray ? closeArray : closeObject)) at += 1
        else {
          arrays.push(isArray)
          known.push(isArray ? undefined : new Set())
          isOpen = true
        }
      } else if (byte === quote) {
        at = readString(bytes, at, to, token)
        if (at < 0) return -1
        noteString()
      } else {
        at = readWord(bytes, at, to)
        if (at < 0) return -1
      }
      for (;;) {
        const level = arrays.length - 1
        if (level < 0) return at
        const isArray = arrays[level] as boolean
        at = skipSpace(bytes, at, to)
        if (at >= to) return -1
        if (!isOpen) {
          const next = bytes[at] as number
          if (next === (isArray ? closeArray : closeObject)) {
            arrays.pop()
            known.pop()
            at += 1
            continue
          }
          if (next !== comma) return -1
          at = skipSpace(bytes, at + 1, to)
        }
        isOpen = false
        if (isArray) break
        if (at >= to || bytes[at] !== quote) return -1
        const end = readString(bytes, at, to, token)
        if (end < 0) return -1
        noteString()
        keys += 1
        if (keys > maxKeys) return beyond
        const set = known[level] as Set<string>
        const before = set.size
        set.add(token.flags === 0 ? bytes.toString("latin1", at + 1, end - 1) : readText(bytes, at, end))
        if (set.size === before) trouble |= refused
        at = skipSpace(bytes, end, to)
        if (at >= to || bytes[at] !== colon) return -1
        at = skipSpace(bytes, at + 1, to)
        break
      }
    }
  }

  /** Takes the object apart that begins at `from`, in so many others, below `top`. The offset behind it, or −1. */
  function takeApart(bytes: Buffer, from: number, to: number, top: PathNode, above: number): number {
    const base = nodes.length
    let node = top
    let before: PathNode | undefined
    instance += 1
    let inside = instance
    let isOpen = true
    let at = from + 1
    for (;;) {
      if (at < to && (bytes[at] as number) <= 0x20) at = skipSpace(bytes, at, to)
      if (at >= to) return -1
      if (bytes[at] === closeObject) {
        at += 1
        if (nodes.length === base) return at
        node = nodes.pop() as PathNode
        before = befores.pop()
        inside = instances.pop() as number
        isOpen = false
        continue
      }
      if (!isOpen) {
        if (bytes[at] !== comma) return -1
        at += 1
        if (at < to && (bytes[at] as number) <= 0x20) at = skipSpace(bytes, at, to)
      }
      isOpen = false
      // A key: most often the one that came here in the record before.
      const expected = before === undefined ? node.first : before.next
      let end = -1
      if (expected !== undefined) {
        const { raw } = expected
        const { length } = raw
        if (length > 0 && at + length < to) {
          let i = 0
          while (i < length && bytes[at + i] === raw[i]) i += 1
          if (i === length) end = at + length
        }
      }
      let child: PathNode
      if (end !== -1) child = expected as PathNode
      else {
        if (at >= to || bytes[at] !== quote) return -1
        end = readString(bytes, at, to, token)
        if (end < 0) return -1
        noteString()
        child = findChild(bytes, node, before, at, end)
      }
      keys += 1
      if (keys > maxKeys) return beyond
      if (child.seenIn === inside) trouble |= refused
      child.seenIn = inside
      before = child
      at = end
      if (at < to && (bytes[at] as number) <= 0x20) at = skipSpace(bytes, at, to)
      if (at >= to || bytes[at] !== colon) return -1
      at += 1
      if (at < to && (bytes[at] as number) <= 0x20) at = skipSpace(bytes, at, to)
      if (at >= to) return -1
      const byte = bytes[at] as number
      if (byte === openObject && (flatten || child.leads) && child !== explodedNode) {
        if (above + nodes.length - base + 1 >= maxDepth) return beyond
        if (!child.isObject) openPath(child)
        nodes.push(node)
        befores.push(before)
        instances.push(inside)
        node = child
        before = undefined
        instance += 1
        inside = instance
        isOpen = true
        at += 1
        continue
      }
      at =
        child === explodedNode
          ? readElements(bytes, at, to, child, above + nodes.length - base + 1)
          : readValue(bytes, at, to, child, above + nodes.length - base + 1)
      if (at < 0) return -1
    }
  }

  /** A value that makes one cell. */
  function readValue(bytes: Buffer, from: number, to: number, node: PathNode, above: number): number {
    const byte = bytes[from] as number
    if (byte === quote) {
      const end = readString(bytes, from, to, token)
      if (end < 0) return -1
      noteString()
      setCell(node, (token.flags & flags.escaped) === 0 ? kinds.string : kinds.escaped, from, end)
      return end
    }
    if (byte === openObject || byte === openArray) {
      const end = passNested(bytes, from, to, above)
      if (end >= 0) setCell(node, kinds.nested, from, end)
      return end
    }
    const end = readWord(bytes, from, to)
    if (end < 0) return -1
    const kind = byte === 0x6e ? kinds.null : byte === 0x74 || byte === 0x66 ? kinds.boolean : kinds.number
    setCell(node, kind, from, end)
    return end
  }

  function openPath(node: PathNode): void {
    node.isObject = true
    newObjects.push(node)
  }

  /** The value at the exploded place: its elements are read for what they hold, and once more as rows. */
  function readElements(bytes: Buffer, from: number, to: number, node: PathNode, above: number): number {
    const byte = bytes[from] as number
    if (byte !== openArray) {
      if (byte !== 0x6e) notArray = true
      return readValue(bytes, from, to, node, above)
    }
    if (above >= maxDepth) return beyond
    isExploded = true
    elements.length = 0
    let at = skipSpace(bytes, from + 1, to)
    if (at < to && bytes[at] === closeArray) {
      // As one element that is null.
      setCell(node, kinds.null, from, at + 1)
      return at + 1
    }
    stamp = rowStamp
    for (;;) {
      if (at >= to) return -1
      elements.push(at)
      at = readElement(bytes, at, to, node, above + 1)
      if (at < 0) return -1
      at = skipSpace(bytes, at, to)
      if (at >= to) return -1
      const next = bytes[at]
      if (next === closeArray) break
      if (next !== comma) return -1
      at = skipSpace(bytes, at + 1, to)
    }
    stamp = recordStamp
    arrayBytes = at + 1 - from
    return at + 1
  }

  function readElement(bytes: Buffer, from: number, to: number, node: PathNode, above: number): number {
    if (bytes[from] !== openObject) return readValue(bytes, from, to, node, above)
    if (above >= maxDepth) return beyond
    if (!node.isObject) openPath(node)
    return takeApart(bytes, from, to, node, above)
  }

  /** Forgets what a record brought that is none. */
  function forget(): void {
    for (const node of newObjects) node.isObject = false
    for (const id of newValued) cells.valued[id] = 0
    for (const node of newPaths) node.id = -1
    paths.length -= newPaths.length
    if (newNodes.length === 0) return
    const gone = new Set(newNodes)
    for (const node of gone) node.parent?.children.delete(node.key)
    const stack = [root]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.first !== undefined && gone.has(node.first)) node.first = undefined
      if (node.next !== undefined && gone.has(node.next)) node.next = undefined
      stack.push(...node.children.values())
    }
  }

  function begin(): void {
    recordStamp = rowStamp + 1
    rowStamp = recordStamp + 1
    stamp = recordStamp
    keys = 0
    seen = 0
    trouble = 0
    isExploded = false
    notArray = false
    if (elements.length > 0) elements.length = 0
    if (nodes.length > 0) nodes.length = 0
    if (befores.length > 0) befores.length = 0
    if (instances.length > 0) instances.length = 0
    if (newPaths.length > 0) newPaths.length = 0
    if (newNodes.length > 0) newNodes.length = 0
    if (newObjects.length > 0) newObjects.length = 0
    if (newValued.length > 0) newValued.length = 0
  }

  return {
    root,
    paths,
    cells,
    explodedNode,

    /** Brings up a record without any value; `put` gives it those that somebody else has read. */
    begin,

    /** A value at a place that is known, from its first byte to behind its last. */
    put(id: number, kind: number, from: number, to: number): void {
      cells.stamps[id] = stamp
      cells.kinds[id] = kind
      cells.starts[id] = from
      cells.ends[id] = to
      if (kind !== kinds.null) cells.valued[id] = 1
    },

    /**
     * Reads the record that begins at `from`. Nothing but spaces may follow up to `to`, unless `isOpen`; `end` says
     * where it ends.
     */
    read(bytes: Buffer, from: number, to: number, isOpen = false): RecordOutcome {
      begin()
      const isObject = bytes[from] === openObject
      recordEnd = isObject ? takeApart(bytes, from, to, root, 0) : readOther(bytes, from, to)
      const isWhole = recordEnd >= 0 && (isOpen || skipSpace(bytes, recordEnd, to) === to)
      const isText = (seen & flags.wide) === 0 || isUtf8(bytes.subarray(from, isOpen ? recordEnd : to))
      if (!isWhole || trouble !== 0 || !isText) {
        if (learns) forget()
        return "faulty"
      }
      if (isObject && !notArray) return "fine"
      if (learns) forget()
      return isObject ? "not-array" : "not-object"
    },

    /** The offset behind the record. */
    end: (): number => recordEnd,

    /** How many elements make rows; 0 where the record is one row by itself. */
    elements: (): number => (isExploded ? elements.length : 0),

    /** How many bytes the rows of the elements would have if each were written out with all that the record has beside them. */
    spread: (from: number): number => arrayBytes + elements.length * (recordEnd - from - arrayBytes),

    /** Brings the cells of one element up, from 0, and answers where it lies. */
    select(bytes: Buffer, element: number): { readonly from: number; readonly to: number } {
      const from = elements[element] as number
      rowStamp += 1
      stamp = rowStamp
      keys = 0
      return { from, to: readElement(bytes, from, recordEnd, explodedNode as PathNode, 1) }
    },

    /** What the selected row has at a place. */
    kindAt(id: number): number {
      const own = cells.stamps[id]
      return own === recordStamp || own === rowStamp ? (cells.kinds[id] as number) : kinds.none
    },

    /** How many keys the record has, those of all objects in it. */
    keys: (): number => keys,

    /** Whether the record brought places that no record before it had. */
    news: (): number => newPaths.length,
  }

  /** A record that is no object, for whether it is well-formed. */
  function readOther(bytes: Buffer, from: number, to: number): number {
    if (from >= to) return -1
    if (bytes[from] === quote) {
      const end = readString(bytes, from, to, token)
      if (end >= 0) noteString()
      return end
    }
    return bytes[from] === openArray ? passNested(bytes, from, to, 0) : readWord(bytes, from, to)
  }
}
