/** `${NAME}` in a settings file becomes the variable's value. */

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Replaces `${NAME}` by the variable of that name and `$$` by one dollar sign; any other `$` stays.
 * Problems say which variable is unset, or what a `${` without a name should have been.
 */
export function interpolate(text: string, env: Environment): { text: string; problems: string[] } {
  const problems: string[] = []
  const replaced = text.replace(/\$\$|\$\{([^}]*)\}?/g, (found: string, name: string | undefined) => {
    if (name === undefined) return "$"
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || !found.endsWith("}")) {
      // What stands behind the name may be a secret: a default as shells have them, or a password's own braces.
      const [, begun = ""] = /^([A-Za-z_][A-Za-z0-9_]*)(?::?[-=?+]|$)/.exec(name) ?? []
      const shown = begun === "" ? "${" : `\${${begun}`
      problems.push(
        `has ${shown}…, expected \${NAME} with the name of a variable; write $$ for a dollar sign`,
      )
      return ""
    }
    const value = env[name]
    if (value === undefined) problems.push(`needs the environment variable ${name}, which is not set`)
    return value ?? ""
  })
  return { text: replaced, problems }
}

/** Whether `interpolate` would change the text. */
export function isInterpolated(text: string): boolean {
  return text.includes("${") || text.includes("$$")
}
