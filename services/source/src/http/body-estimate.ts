/** How long a body will be, by how long those before it were: memory is claimed before the work is done. */

// Of fewer bytes the body is mostly its first and last line, and says nothing of how rows grow.
const leastBytes = 64 * 1024

/** `usual`: bytes of a body for each byte in the file, as long as none of a dataset was seen. */
export function createBodyEstimate(usual: number) {
  const seen = new WeakMap<object, number>()
  return {
    /** Bytes of a body for so many bytes in the file. */
    expect(dataset: object, bytesInFile: number): number {
      return Math.round(bytesInFile * (seen.get(dataset) ?? usual))
    },

    /** So long the body of so many bytes was. */
    learn(dataset: object, bytesInFile: number, bodyBytes: number): void {
      if (bytesInFile >= leastBytes) seen.set(dataset, bodyBytes / bytesInFile)
    },
  }
}
