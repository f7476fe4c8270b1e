/**
 * What a project may be called. The id becomes a file name, so this check comes before any file name is made.
 */

/** The rule, as one regular expression for code and schemas. */
export const PROJECT_ID_PATTERN = '^[a-z0-9][a-z0-9_-]{0,62}$';

const PROJECT_ID = new RegExp(PROJECT_ID_PATTERN);

/**
 * Tells whether text may name a project.
 *
 * @param text decoded text
 * @returns true for 1 to 63 characters of lower-case letters, digits, `_` and `-`, the first a letter or digit
 */
export function isProjectId(text: string): boolean {
  return PROJECT_ID.test(text);
}
