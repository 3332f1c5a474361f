/** A name as SQL writes it, made here so that the services' own quoting is not its own judge. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
