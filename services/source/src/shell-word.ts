/** Pure: a word as a POSIX shell reads it back. */

/** POSIX.1-2024, Shell Command Language, 2.2; for a file's name never an option of the command. */
export function shellWord(word: string): string {
  const path = word.startsWith("-") ? `./${word}` : word
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
