/**
 * A command as a person can paste it into a shell.
 */

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

/** Quotes what a shell would take apart. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll('\'', String.raw`'\''`)}'`)).join(' ');
}
