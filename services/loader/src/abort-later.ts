/** Aborts `later` some time after `signal`; the returned function takes both back. */
export function abortLater(signal: AbortSignal, later: AbortController, ms: number): () => void {
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(() => later.abort(signal.reason), ms)
  }
  if (signal.aborted) begin()
  else signal.addEventListener("abort", begin, { once: true })
  return () => {
    clearTimeout(timer)
    signal.removeEventListener("abort", begin)
  }
}
