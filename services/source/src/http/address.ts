/** Pure: a request's address as it may be logged. */

/** Without its query, and without a token of ours wherever one was put by mistake. */
export function loggableAddress(url: string): string {
  return url.replace(/[?#].*$/s, "").replace(/flatbed_[A-Za-z0-9_-]{8,}/g, "flatbed_***")
}
